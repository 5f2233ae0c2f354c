/** Temporal's runtime in this process: it leaves signals alone, and its log goes where it is told. */
import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';

/**
 * Install once per process, before the first worker or native connection. Signals stay with the command: Temporal's
 * own handlers would end workers before the command knows. `writeLog` gets one line at a time.
 */
export function installRuntime(writeLog: (line: string) => void): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', (entry) => writeLog(formatEntry(entry))),
    telemetryOptions: { logging: { forward: { level: 'WARN' }, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}

function formatEntry({ timestampNanos, level, message, meta }: LogEntry): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  return `${time} ${level} ${message}${meta === undefined ? '' : ` ${JSON.stringify(meta, readable)}`}`;
}

/** Errors have no enumerable fields and bigints no JSON form; both occur in the log's metadata. */
function readable(_key: string, value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  return typeof value === 'bigint' ? value.toString() : value;
}
