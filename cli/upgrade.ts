/** `holdfast upgrade`: rewrites policy files of older versions of the language. */
import { findUnknownVersion } from '../schemas/check-shape.ts';
import { upgradeText } from '../schemas/upgrade-text.ts';
import type { CliCommand } from './command.ts';
import { addRewriteOptions, rewriteFiles, type RewriteOptions } from './rewrite-files.ts';

export const command: CliCommand<RewriteOptions> = {
  configure(command) {
    command.description(
      'Rewrites files of older versions of the policy language, and leaves comments and layout alone. Without it they are read all the same.',
    );
    addRewriteOptions(command);
  },

  run: (context, { args, options }) =>
    rewriteFiles(context, args[0] as string[], options, {
      rewrite: (text) => upgradeText(text).text,
      check: (part) => findUnknownVersion(part) ?? [],
      done: 'upgraded',
    }),
};
