/** `holdfast snapshots`: the snapshots of a repository. */
import { formatBytes } from '../common/sizes.ts';
import { fits } from '../domain/find-snapshot.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { CliCommand } from './command.ts';
import { count, displayText, displayTime, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { addSnapshotFilters, ofPlace, type SnapshotFilterOptions } from './select-snapshot.ts';
import { renderTable } from './table.ts';

const COLUMNS = [
  { heading: 'ID' },
  { heading: 'Time' },
  { heading: 'Host' },
  { heading: 'Tags' },
  { heading: 'Paths' },
  { heading: 'Size', align: 'right' as const },
];

export const command: CliCommand<RepositoryOptions & SnapshotFilterOptions> = {
  configure(command) {
    command.description('Lists the snapshots of a repository, oldest first.');
    addRepositoryOptions(addSnapshotFilters(command));
  },

  async run(context, { options }) {
    const { output } = context;
    const broken: string[] = [];
    // No lock: snapshot files never change, and nothing that prune deletes is read.
    const access = { role: 'reader', lock: 'none' } as const;
    const wanted = await withRepository(context, options, access, async (repository, signal, place) => {
      const snapshots = await repository.listSnapshots({ signal, onError: (id) => void broken.push(id) });
      return snapshots.filter((snapshot) => fits(snapshot, ofPlace(options, place)));
    });
    for (const id of broken) output.warn(`the snapshot file ${id} cannot be read; run holdfast check`);
    if (context.json) output.json(wanted.map((snapshot) => ({ short_id: shortId(snapshot.id), ...snapshot })));
    else if (wanted.length > 0)
      for (const line of renderTable(COLUMNS, wanted.map(toRow), output.columns)) output.line(line);
    output.say(count(wanted.length, 'snapshot'));
    return broken.length === 0 ? ExitStatus.done : ExitStatus.integrity;
  },
};

function toRow(snapshot: Snapshot): string[] {
  const size = snapshot.summary?.total_bytes_processed;
  return [
    shortId(snapshot.id),
    displayTime(snapshot.time),
    displayText(snapshot.hostname),
    (snapshot.tags ?? []).map(displayText).join('\n'),
    snapshot.paths.map(displayText).join('\n'),
    size === undefined ? '' : formatBytes(size),
  ];
}
