/** What `holdfast restore` says: each entry on demand, and in the end what was done. */
import { formatDuration } from '../common/durations.ts';
import { formatBytes } from '../common/sizes.ts';
import { displayPath } from '../files/byte-path.ts';
import type { RestoreResult } from '../repository/restore.ts';
import type { RestoredEntry } from '../repository/restore-report.ts';
import type { CliContext } from './command.ts';
import { count } from './display.ts';
import { tellFindings } from './findings.ts';
import { describePath } from './node-lines.ts';

/** With `-vv`, and `--json -v`: tells each entry as restic does. undefined when it is not asked for. */
export function entryTeller({ output, json, verbosity }: CliContext): ((entry: RestoredEntry) => void) | undefined {
  if (verbosity < (json ? 1 : 2)) return undefined;
  return ({ action, path, isFolder, sizeBytes }) => {
    if (json) {
      const { path: item, path_raw } = describePath(path);
      output.json({ message_type: 'verbose_status', action, item, item_raw: path_raw, size: sizeBytes });
      return;
    }
    const size = sizeBytes === undefined || action === 'unchanged' ? '' : `, ${formatBytes(sizeBytes)}`;
    output.say(`${action.padEnd(9)} ${displayPath(path)}${isFolder ? '/' : ''}${size}`);
  };
}

export interface RestoreFacts {
  snapshotId: string;
  target: string;
  dryRun: boolean;
  verified: boolean;
}

export function tellResult(
  { output, json }: CliContext,
  { snapshotId, target, dryRun, verified }: RestoreFacts,
  result: RestoreResult,
): void {
  const { files, updated, unchanged, bytesUnchanged, deleted, directories, bytes, seconds, problems } = result;
  if (json) {
    const figures = { files, updated, unchanged, deleted, directories, bytes, bytesUnchanged, seconds };
    output.json({ message_type: 'summary', dryRun, snapshot: snapshotId, target, ...figures, problems });
  }
  tellFindings(output, problems);
  const parts = [`${count(files, 'file')} and ${count(directories, 'folder')}, ${formatBytes(bytes)}, to ${target}`];
  if (updated > 0) parts.push(`${updated} of them in the place of others`);
  if (unchanged > 0) parts.push(`${unchanged} unchanged (${formatBytes(bytesUnchanged)})`);
  if (deleted > 0) parts.push(`${deleted} deleted`);
  const time = seconds < 1 ? `${seconds.toFixed(2)}s` : formatDuration(seconds);
  const [first, ...rest] = parts;
  const line = [`${first}${dryRun ? '' : ` in ${time}`}`, ...rest].join('; ');
  output.say(`${dryRun ? 'would restore' : 'restored'} ${line}${verified ? ', verified' : ''}`);
}
