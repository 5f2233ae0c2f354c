/** Progress for people: a bar on a terminal, a plain line now and then elsewhere; always on stderr. */
import { formatDuration } from '../common/durations.ts';
import type { ProgressState } from '../common/progress.ts';
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

/** `clock` gives milliseconds; a test gives its own. */
export function openProgressDisplay(
  stream: ProgressStream,
  clock: () => number = () => performance.now(),
): ProgressDisplay {
  const onTerminal = stream.isTTY === true;
  const interval = onTerminal ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
  let phase: string | undefined;
  let phaseStart = clock();
  // The first bar comes at once, the first plain line only when the work turns out to be long.
  let lastWrite = onTerminal ? -Infinity : phaseStart;
  let shown = false;

  return {
    report(state) {
      const now = clock();
      if (state.phase !== phase) {
        phase = state.phase;
        phaseStart = now;
      }
      if (now - lastWrite < interval) return;
      lastWrite = now;
      const text = describeProgress(state, (now - phaseStart) / 1000, onTerminal);
      if (!onTerminal) {
        stream.write(`${text}\n`);
        return;
      }
      // One column stays free: writing into the last one wraps on some terminals.
      stream.write(`\r\x1b[2K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
      shown = true;
    },
    finish() {
      if (shown) stream.write('\r\x1b[2K');
      shown = false;
    },
  };
}

/** One line: phase, bar and share (when the total is known), bytes, files, rate, time left. */
export function describeProgress(state: ProgressState, seconds: number, withBar: boolean): string {
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
