/** What the program says: the answer on stdout, everything else on stderr, and what `--json`, `-q`, `-v` and colours make of it. */
import type { Environment, Output, ProgressDisplay, Style } from './command.ts';
import { openProgressDisplay, type ProgressStream } from './progress-display.ts';

export interface OutputSettings {
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  /** What the person asked for; colours also need a terminal. */
  color: boolean;
}

export interface OutputStream extends ProgressStream {
  write(chunk: string | Uint8Array, taken?: () => void): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export interface TrackedOutput extends Output {
  /** Whether anything was written to stdout, or it was taken for bytes: a JSON error may be the one document there only when nothing was. */
  readonly started: boolean;
  /** Why the answer could not be written whole: a full disk, not a reader that went away. */
  readonly failure: NodeJS.ErrnoException | undefined;
  /** Takes away a bar that still stands: before something is written to stderr past this output. */
  clear(): void;
}

/**
 * A closed stdout or stderr (EPIPE) is no error: what is said after it is dropped. Any other failure of stdout is kept for
 * the end, because the work itself must not break off half-way over its report; of stderr there is nobody to tell.
 */
export function openOutput(stdout: OutputStream, stderr: OutputStream, settings: OutputSettings): TrackedOutput {
  let closed = false;
  let started = false;
  let failure: NodeJS.ErrnoException | undefined;
  stdout.on('error', (error) => {
    closed = true;
    if (error.code !== 'EPIPE') failure ??= error;
  });
  stderr.on('error', () => {});
  let display: ProgressDisplay | undefined;
  const answer = (text: string): void => {
    if (closed) return;
    display?.finish();
    started = true;
    stdout.write(`${text}\n`);
  };
  const remark = (text: string): void => {
    display?.finish();
    stderr.write(`${text}\n`);
  };
  const { json, quiet, verbose } = settings;
  const remarkStyle = createStyle(settings.color && stderr.isTTY === true);

  return {
    style: createStyle(settings.color && !json && stdout.isTTY === true),
    get closed() {
      return closed;
    },
    get started() {
      return started;
    },
    get failure() {
      return failure;
    },
    get columns() {
      return stdout.isTTY === true ? stdout.columns : undefined;
    },
    line: (text = '') => (json ? undefined : answer(text)),
    say: (text = '') => (json || quiet ? undefined : answer(text)),
    note: (text) => (json || quiet ? undefined : remark(text)),
    detail: (text) => (verbose ? remark(remarkStyle.dim(text)) : undefined),
    warn: (text, label = 'warning') => {
      const mark = label === 'warning' ? remarkStyle.warning : remarkStyle.bad;
      if (!json) remark(`${mark(`${label}:`)} ${text}`);
    },
    json: (document) => answer(JSON.stringify(document)),
    bytes: () => {
      started = true;
      const write = (bytes: Uint8Array): Promise<void> =>
        new Promise((taken) => (closed ? taken() : void stdout.write(bytes, () => taken())));
      return { onTerminal: stdout.isTTY === true, write };
    },
    progress() {
      if (json || quiet) return { report() {}, finish() {} };
      display?.finish();
      display = openProgressDisplay(stderr);
      return display;
    },
    clear: () => display?.finish(),
    trouble(trouble) {
      if (json || quiet) return;
      // It is the whole command that waits, from its start on.
      display ??= openProgressDisplay(stderr, undefined, 0);
      display.report({ trouble });
    },
  };
}

/** https://no-color.org: any value but the empty one switches colours off. */
export function wantsColor(environment: Environment): boolean {
  return !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

export function createStyle(enabled: boolean): Style {
  const mark = (open: number, close: number) => (text: string) =>
    enabled ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return { bold: mark(1, 22), dim: mark(2, 22), good: mark(32, 39), warning: mark(33, 39), bad: mark(31, 39) };
}
