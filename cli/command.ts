/** How a command is defined: what every file of `cli/` that is a command exports, and what it is given when it runs. */
import type { Command } from 'commander';
import type { OnRetry, Progress } from '../common/progress.ts';
import type { ExitStatus } from './exit-status.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Colours, or none of them: each takes a text and hands it back, marked when colours are on. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
}

/** A bar on a terminal, plain lines elsewhere, nothing with `-q` or `--json`. Always on stderr. */
export interface ProgressDisplay extends Progress {
  /** Clears the bar. Call it before the answer is written, also after a failure. */
  finish(): void;
}

/** An answer that is no text: nothing else may stand on stdout with it. */
export interface ByteAnswer {
  readonly onTerminal: boolean;
  /** Resolves when the reader has taken it, so that nothing piles up; also when nobody reads any more (see `closed`). */
  write(bytes: Uint8Array): Promise<void>;
}

/** Where a command says things. The answer goes to stdout, all else to stderr. */
export interface Output {
  readonly style: Style;
  /** True once nobody reads stdout any more (`holdfast ls | head`): a long listing stops. */
  readonly closed: boolean;
  /** Columns of the terminal; undefined elsewhere: nothing is cut there. */
  readonly columns: number | undefined;
  /** A line of what was asked for; nothing with `--json`. */
  line(text?: string): void;
  /** What was done, in a line on stdout; nothing with `-q` or `--json`. */
  say(text?: string): void;
  /** A remark on stderr; nothing with `-q` or `--json`. */
  note(text: string): void;
  /** For `-v` alone, on stderr. */
  detail(text: string): void;
  /** Something is wrong, though the work goes on; on stderr, nothing with `--json` (the document tells it). */
  warn(text: string, label?: string): void;
  /** Writes one JSON document, or one line of a stream of events. Call it only with `--json`. */
  json(document: unknown): void;
  /** Takes stdout for bytes: from now on a JSON error goes to stderr. */
  bytes(): ByteAnswer;
  /** The bar, or lines, of work; what is tried again meanwhile joins it. */
  progress(): ProgressDisplay;
  /** What is tried again (undefined: no more), in the progress that is shown, or by itself. */
  trouble: OnRetry;
}

/** What a running command gets from the process. Commands read nothing of `process` but through it. */
export interface CliContext {
  /** Fires at SIGINT or SIGTERM, with an InterruptedError whose context names the signal; a second SIGINT ends the process at once. */
  readonly signal: AbortSignal;
  readonly output: Output;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** How often -v was given. */
  readonly verbosity: number;
  readonly environment: Environment;
  /** Absolute: relative paths that the person gave are relative to it. */
  readonly directory: string;
  /** What is piped in; nothing has been read of it. */
  readonly openInput: () => NodeJS.ReadableStream & AsyncIterable<string | Uint8Array>;
  /** Whether a person can be asked something. */
  readonly interactive: boolean;
  now(): Date;
}

/** What the person gave: `args` in the order declared (a variadic one is an array), `options` in camel case. */
export interface CommandInput<Options> {
  args: (string | string[] | undefined)[];
  options: Options;
}

/**
 * A command. Its file exports it as `command`; `cli/command-table.ts` names it. `configure` declares arguments and
 * options with commander (name, summary and the global options are there already) and must be cheap: heavy modules are
 * imported inside `run`, because the shell completions configure all commands. Errors are thrown; main.ts tells them.
 */
export interface CliCommand<Options extends object = Record<string, unknown>> {
  configure(command: Command): void;
  run(context: CliContext, input: CommandInput<Options>): Promise<ExitStatus>;
}

/** For options that may be given again: `.option('--tag <tag>', 'text', repeatable, [])`. */
export function repeatable(value: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), value];
}
