/** Reads the command line: which command, with which options; loads that command alone, and words what is wrong with it. */
import { Command, CommanderError, Help, Option } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { CliCommand } from './command.ts';
import { COMMAND_GROUPS, NOT_BUILT_COMMANDS, type CommandEntry } from './command-table.ts';

export interface GlobalOptions {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  color: boolean;
}

export interface ParsedArguments {
  /** Of the command. */
  name: string;
  command: CliCommand;
  global: GlobalOptions & { /** How often -v was given. */ verbosity: number };
  args: (string | string[] | undefined)[];
  options: Record<string, unknown>;
}

/** Global options take no value, so they can be told before the command is known: errors of parsing obey them too. */
export function scanGlobalOptions(argv: string[]): GlobalOptions {
  const before = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const has = (name: string, letter?: string): boolean =>
    before.some((word) => word === name || (letter !== undefined && /^-[a-z]+$/i.test(word) && word.includes(letter)));
  return {
    json: has('--json'),
    quiet: has('--quiet', 'q'),
    verbose: has('--verbose', 'v'),
    color: !has('--no-color'),
  };
}

/** As commander collects them. */
interface GivenGlobalOptions {
  json?: boolean;
  quiet?: boolean;
  /** How often. */
  verbose?: number;
  color?: boolean;
}

/** What to run; undefined when help was asked for, and written to `writeHelp`. Throws Usage. */
export async function parseArguments(
  argv: string[],
  writeHelp: (text: string) => void,
): Promise<ParsedArguments | undefined> {
  const words = rewriteArguments(argv);
  const name = words.find((word) => !word.startsWith('-'));
  const { program, subcommands } = buildProgram(writeHelp);
  const entry = allCommands().find((candidate) => candidate.name === name);
  if (name !== undefined && NOT_BUILT_COMMANDS.has(name))
    throw new HoldfastError('NotBuilt', `the command "${name}" is not built yet`, {
      hint: 'holdfast --help lists those that are',
    });
  let parsed: Omit<ParsedArguments, 'global'> | undefined;
  if (entry !== undefined) {
    const { command } = await entry.load();
    const subcommand = subcommands.get(entry.name)!;
    command.configure(subcommand);
    // The program takes global options wherever they stand, but does not see the q of `-lq`.
    for (const option of globalOptions()) subcommand.addOption(option.hideHelp());
    subcommand.action((...received: unknown[]) => {
      const args = received.slice(0, -2) as (string | string[] | undefined)[];
      parsed = { name: entry.name, command, args, options: subcommand.opts() };
    });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
    throw usageError(error, entry);
  }
  if (parsed === undefined) return undefined;
  const given = [program.opts<GivenGlobalOptions>(), parsed.options as GivenGlobalOptions];
  const has = (name: 'json' | 'quiet'): boolean => given.some((options) => options[name] === true);
  const color = given.every((options) => options.color !== false);
  const verbosity = given.reduce((sum, { verbose = 0 }) => sum + verbose, 0);
  return { ...parsed, global: { json: has('json'), quiet: has('quiet'), verbose: verbosity > 0, verbosity, color } };
}

/** All commands with all their arguments and options, for the shell completions. */
export async function configureAllCommands(): Promise<Command> {
  const { program, subcommands } = buildProgram(() => {});
  await Promise.all(
    allCommands().map(async ({ name, load }) => {
      const { command } = await load();
      command.configure(subcommands.get(name)!);
    }),
  );
  return program;
}

export function allCommands(): CommandEntry[] {
  return COMMAND_GROUPS.flatMap((group) => group.commands);
}

/** `holdfast help ls` is `holdfast ls --help`, `--version` is `version`, nothing is `--help`. */
function rewriteArguments(argv: string[]): string[] {
  const index = argv.findIndex((word) => !word.startsWith('-'));
  if (argv[index] === 'help') return [...argv.toSpliced(index, 1), '--help'];
  if (index !== -1) return argv;
  // Help that is asked for, or given for want of a command, would hide a misspelt option.
  const known = [...globalOptions().flatMap(({ long, short }) => [long, short]), '--help', '-h', '--version', '-V'];
  const unknown = argv.find((word) => !known.includes(word) && !/^-[hqv]+$/.test(word));
  if (unknown !== undefined)
    throw new HoldfastError('Usage', `unknown option "${unknown}"`, { hint: 'see holdfast --help' });
  return argv.includes('--version') || argv.includes('-V')
    ? ['version', ...argv.filter((word) => word !== '--version' && word !== '-V')]
    : [...argv, '--help'];
}

function globalOptions(): Option[] {
  return [
    new Option('--json', 'answer with JSON: one document, or one line per event'),
    new Option('-q, --quiet', 'only what was asked for, and errors'),
    new Option('-v, --verbose', 'more detail, and the stack of an unexpected error').argParser(
      (_: string, times: number | undefined) => (times ?? 0) + 1,
    ),
    new Option('--no-color', 'no colours (also NO_COLOR)'),
  ];
}

function buildProgram(writeHelp: (text: string) => void): { program: Command; subcommands: Map<string, Command> } {
  const program = new Command('holdfast')
    .description('Keeps business data recoverable, and proves it.')
    .exitOverride()
    .helpCommand(false)
    .showHelpAfterError(false)
    .configureOutput({ writeOut: writeHelp, writeErr: () => {}, outputError: () => {} })
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (subcommand) => subcommand.name(),
      optionDescription: describeOption,
    })
    .usage('COMMAND [OPTIONS]')
    .addHelpText(
      'after',
      `
holdfast COMMAND --help tells more about one.
Exit status: 0 done · 1 unexpected failure · 2 invalid policy or usage · 3 some source files could not be read
  4 access denied · 5 integrity error · 6 storage unreachable · 7 needs attention · 8 refused by a guard
  9 engine unreachable · 10 no repository · 11 repository locked · 12 wrong password · 130 interrupted`,
    );
  for (const option of globalOptions()) program.addOption(option);
  const subcommands = new Map<string, Command>();
  for (const { heading, commands } of COMMAND_GROUPS) {
    for (const { name, summary } of commands) {
      const subcommand = program.command(name).summary(summary).helpGroup(`${heading}:`);
      subcommands.set(name, subcommand);
    }
  }
  return { program, subcommands };
}

/** Nothing given is the default of an option that may be given again: it need not be said. */
function describeOption(option: Option): string {
  const { defaultValue } = option as { defaultValue?: unknown };
  return Array.isArray(defaultValue) && defaultValue.length === 0
    ? option.description
    : new Help().optionDescription(option);
}

function usageError(error: CommanderError, entry: CommandEntry | undefined): HoldfastError {
  const [sentence = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (one of )?(.+)\?\)/.exec(rest.join(' '))?.[2];
  const help = entry === undefined ? 'holdfast --help' : `holdfast ${entry.name} --help`;
  const hint = suggestion === undefined ? `see ${help}` : `did you mean ${suggestion}? See ${help}`;
  return new HoldfastError('Usage', sentence.replaceAll("'", '"'), { hint });
}
