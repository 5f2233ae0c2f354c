/** `holdfast completion`: a script that completes commands, options and file names in bash, zsh or fish. */
import { Argument } from 'commander';
import type { CliCommand } from './command.ts';
import { renderBashCompletion, renderFishCompletion, renderZshCompletion } from './completion-scripts.ts';
import { ExitStatus } from './exit-status.ts';

const RENDERERS = { bash: renderBashCompletion, zsh: renderZshCompletion, fish: renderFishCompletion };

export const command: CliCommand = {
  configure(command) {
    command
      .description('Prints a completion script for a shell.')
      .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(RENDERERS)))
      .addHelpText(
        'after',
        `
bash: holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
zsh:  holdfast completion zsh > ~/.zfunc/_holdfast      (with fpath+=~/.zfunc before compinit)
fish: holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
      );
  },

  async run({ output, json }, { args }) {
    // Loaded here, because parsing has this command in its table.
    const { configureAllCommands } = await import('./parse-arguments.ts');
    const shell = args[0] as keyof typeof RENDERERS;
    const script = RENDERERS[shell](await configureAllCommands());
    if (json) output.json({ shell, script });
    else output.line(script);
    return ExitStatus.done;
  },
};
