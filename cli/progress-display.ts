/** Progress for people: a bar on a terminal, a plain line now and then elsewhere; always on stderr. */
import { formatDuration } from '../common/durations.ts';
import type { ProgressState, Retry } from '../common/progress.ts';
import { formatBytes } from '../common/sizes.ts';
import type { ProgressDisplay } from './command.ts';

const BAR_INTERVAL_MS = 100;
/** In a log, a line at every report would bury everything else. */
const LINE_INTERVAL_MS = 10_000;
const BAR_CELLS = 24;

export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** `clock` gives milliseconds, `begun` is when somebody began to wait; a test gives its own. */
export function openProgressDisplay(
  stream: ProgressStream,
  clock: () => number = () => performance.now(),
  begun = clock(),
): ProgressDisplay {
  const onTerminal = stream.isTTY === true;
  const interval = onTerminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
  let phase: string | undefined;
  let phaseStart = clock();
  // The first bar comes at once, the first plain line only when the work, or its trouble, turns out to be long.
  const lastWrite = onTerminal ? { work: -Infinity, trouble: -Infinity } : { work: phaseStart, trouble: begun };
  let isWaitTold = false;
  let shown = false;
  let known: ProgressState = {};
  const clear = (): void => {
    if (shown) stream.write('\r\x1b[2K');
    shown = false;
  };

  return {
    report(state) {
      const now = clock();
      // Trouble is told by others than the work, and stands until it is taken back.
      const isSamePhase = state.phase === undefined || state.phase === phase;
      known = isSamePhase ? { ...known, ...state } : { trouble: known.trouble, ...state };
      if (!isSamePhase) {
        phase = state.phase;
        phaseStart = now;
      }
      const { trouble } = known;
      // Nothing but the end of a trouble is no news of the work.
      if (trouble === undefined && phase === undefined && 'trouble' in state) return clear();
      if (trouble === undefined && !onTerminal && isTroubleAlone(state)) return;
      const kind = trouble === undefined ? 'work' : 'trouble';
      // Whoever is in trouble may not report again for long; and of what is waited for somebody has waited already.
      const isWait = trouble?.isWaiting === true;
      const isPressing = 'trouble' in state && (onTerminal || (isWait && !isWaitTold));
      isWaitTold = isWait;
      if (!isPressing && now - lastWrite[kind] < interval) return;
      lastWrite[kind] = now;
      const text = describeProgress(known, (now - phaseStart) / 1000, onTerminal);
      if (!onTerminal) {
        stream.write(`${text}\n`);
        return;
      }
      // One column stays free: writing into the last one wraps on some terminals.
      stream.write(`\r\x1b[2K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
      shown = true;
    },
    finish: clear,
  };
}

function isTroubleAlone(state: ProgressState): boolean {
  return Object.keys(state).every((key) => key === 'trouble');
}

/** One line: phase, bar and share (when the total is known), bytes, files, rate, time left; of work that is in trouble the trouble. */
export function describeProgress(state: ProgressState, seconds: number, withBar: boolean): string {
  if (state.trouble !== undefined) return `${state.phase ?? 'working'}: ${describeRetry(state.trouble, Date.now())}`;
  const share = shareDone(state);
  const parts = [state.phase ?? 'working'];
  if (share !== undefined) {
    const filled = Math.round(share * BAR_CELLS);
    if (withBar) parts.push(`[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`);
    parts.push(`${Math.floor(share * 100)} %`);
  }
  if (state.bytes !== undefined) parts.push(amount(formatBytes(state.bytes), state.totalBytes, formatBytes));
  if (state.files !== undefined) parts.push(`${amount(String(state.files), state.totalFiles, String)} files`);
  if (state.bytes !== undefined && seconds >= 1) parts.push(`${formatBytes(state.bytes / seconds)}/s`);
  if (share !== undefined && share > 0 && share < 1 && seconds >= 2)
    parts.push(`${formatDuration(Math.ceil((seconds / share) * (1 - share)))} left`);
  return parts.join('  ');
}

/** `s3://vault answers 503 SlowDown; trying again in 4s (attempt 3 of 5)` */
export function describeRetry({ what, attempt, attempts, atMs, isWaiting }: Retry, nowMs: number): string {
  const left = atMs > nowMs ? formatDuration(Math.ceil((atMs - nowMs) / 1000)) : '';
  if (isWaiting === true) return `${onOneLine(what)}; waiting${left === '' ? '' : ` for up to ${left} more`}`;
  const wait = left === '' ? '' : ` in ${left}`;
  const tries = attempt === undefined ? '' : ` (attempt ${attempt} of ${attempts})`;
  return `${onOneLine(what)}; trying again${wait}${tries}`;
}

/** A server may have a word in it: it must not steer the terminal. */
function onOneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

function shareDone(state: ProgressState): number | undefined {
  const pairs = [
    [state.bytes, state.totalBytes],
    [state.files, state.totalFiles],
  ] as const;
  for (const [done, total] of pairs) {
    if (done !== undefined && total !== undefined && total > 0) return Math.min(1, done / total);
  }
  return undefined;
}

function amount<T>(done: string, total: T | undefined, format: (total: T) => string): string {
  return total === undefined ? done : `${done} of ${format(total)}`;
}
