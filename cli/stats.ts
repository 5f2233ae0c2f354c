/** `holdfast stats`: how much snapshots hold, and what they take in the repository. */
import { Option } from 'commander';
import { formatBytes } from '../common/sizes.ts';
import { fits } from '../domain/find-snapshot.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import { measureRaw, measureRestore, type StatisticsOptions } from '../repository/snapshot-statistics.ts';
import type { CliCommand, Output } from './command.ts';
import { count } from './display.ts';
import { ExitStatus, mergeStatuses } from './exit-status.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import { addSnapshotFilters, ofPlace, selectSnapshot, type SnapshotFilterOptions } from './select-snapshot.ts';

interface Options extends RepositoryOptions, SnapshotFilterOptions {
  mode: 'restore-size' | 'raw-data';
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Says how much snapshots hold: with restore-size what restoring each would write, with raw-data what they take ' +
          'together in the repository, each blob once.',
      )
      .argument('[snapshots...]', 'which snapshots: ids, prefixes, or "latest"; default: all that the filters leave')
      .addOption(
        new Option('--mode <mode>', 'what is counted').choices(['restore-size', 'raw-data']).default('restore-size'),
      );
    addRepositoryOptions(addSnapshotFilters(command));
  },

  async run(context, { args, options }) {
    const { output } = context;
    const wanted = args[0] as string[];
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal, place) => {
      const unsure = wanted.length === 0 || wanted.includes('latest') ? 'latest' : wanted[0]!;
      const { snapshots, status } = await listReadableSnapshots(repository, unsure, output, signal);
      const chosen =
        wanted.length === 0
          ? snapshots.filter((snapshot) => fits(snapshot, ofPlace(options, place)))
          : [...new Set(wanted.map((id) => selectSnapshot(snapshots, id, ofPlace(options, place))))];
      let problems = 0;
      const onProblem = (message: string): void => {
        problems++;
        output.warn(`the figures are too low: ${message}`, 'critical');
      };
      const tell = options.mode === 'raw-data' ? tellRaw : tellRestore;
      await tell(repository, chosen, output, { signal, onProblem }, context.json);
      return mergeStatuses([status, problems > 0 ? ExitStatus.integrity : ExitStatus.done]);
    });
  },
};

/** The JSON has restic's names. */
async function tellRestore(
  repository: Repository,
  snapshots: Snapshot[],
  output: Output,
  options: StatisticsOptions,
  json: boolean,
): Promise<void> {
  await repository.loadIndex({ signal: options.signal });
  const { entries, bytes } = await measureRestore(repository, snapshots.map(treeOf), options);
  if (json)
    output.json({
      total_size: bytes,
      total_file_count: entries,
      snapshots_count: snapshots.length,
      mode: 'restore-size',
    });
  output.line(`${count(snapshots.length, 'snapshot')} with ${count(entries, 'entry', 'entries')}`);
  output.line(`${formatBytes(bytes)} to restore`);
}

async function tellRaw(
  repository: Repository,
  snapshots: Snapshot[],
  output: Output,
  options: StatisticsOptions,
  json: boolean,
): Promise<void> {
  const { blobs, storedBytes, plainBytes } = await measureRaw(repository, snapshots.map(treeOf), options);
  const ratio = storedBytes === 0 ? 1 : plainBytes / storedBytes;
  if (json)
    output.json({
      total_size: storedBytes,
      total_uncompressed_size: plainBytes,
      compression_ratio: ratio,
      total_blob_count: blobs,
      snapshots_count: snapshots.length,
      mode: 'raw-data',
    });
  output.line(`${count(snapshots.length, 'snapshot')} with ${count(blobs, 'blob')}`);
  output.line(`${formatBytes(storedBytes)} stored, ${formatBytes(plainBytes)} uncompressed (${ratio.toFixed(2)} to 1)`);
}

function treeOf({ tree }: Snapshot): string {
  return tree;
}
