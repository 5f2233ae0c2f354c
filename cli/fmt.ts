/** `holdfast fmt`: the canonical layout of policy files. */
import { formatYaml } from '../schemas/format-yaml.ts';
import type { CliCommand } from './command.ts';
import { addRewriteOptions, rewriteFiles, type RewriteOptions } from './rewrite-files.ts';

export const command: CliCommand<RewriteOptions> = {
  configure(command) {
    command.description(
      'Lays policy files out in one way: indents, spaces, blank lines, keys in the order of the language. Comments stay, and what the files say.',
    );
    addRewriteOptions(command);
  },

  run: (context, { args, options }) =>
    rewriteFiles(context, args[0] as string[], options, { rewrite: formatYaml, done: 'formatted' }),
};
