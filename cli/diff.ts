/** `holdfast diff`: what changed between two snapshots. */
import { HoldfastError, NotFoundError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import { diffTrees, type DiffStatistics, type SideCounts } from '../repository/diff-trees.ts';
import { findNode } from '../repository/find-node.ts';
import type { Repository } from '../repository/repository.ts';
import type { CliCommand } from './command.ts';
import { count, describeSnapshot, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { describePath } from './node-lines.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import {
  addSnapshotFilters,
  parseSnapshotArgument,
  ofPlace,
  selectSnapshot,
  type SnapshotFilterOptions,
} from './select-snapshot.ts';
import { normalizeSnapshotPath } from './snapshot-paths.ts';

interface Options extends RepositoryOptions, SnapshotFilterOptions {
  metadata?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Says what changed from one snapshot to another: + added, - removed, M content of a file, T type (a folder became ' +
          'a file), U metadata alone. With --json, one line per change, and the statistics.',
      )
      .argument('<before>', 'the one snapshot')
      .argument('<after>', 'the other')
      .option('--metadata', 'also tell changes of mode, owner, times and attributes alone');
    addRepositoryOptions(addSnapshotFilters(command)).addHelpText(
      'after',
      '\nEach is an id, a unique prefix of one, or "latest" (of the snapshots that --policy, --host, --path and --tag leave);\nSNAPSHOT:/folder compares that folder of it.',
    );
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const wanted = (args as string[]).map((argument) => parseSnapshotArgument(argument, options));
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal, place) => {
      const latest = wanted.some(({ snapshot }) => snapshot === 'latest') ? 'latest' : wanted[0]!.snapshot;
      const { snapshots, status } = await listReadableSnapshots(repository, latest, output, signal);
      await repository.loadIndex({ signal });
      const [before, after] = await Promise.all(
        wanted.map(async ({ snapshot: id, subPath }) => {
          const snapshot = selectSnapshot(snapshots, id, ofPlace(options, place));
          return { snapshot, tree: await treeOf(repository, snapshot, subPath ?? '', signal) };
        }),
      );
      output.note(`from ${describeSnapshot(before!.snapshot)}`);
      output.note(`to   ${describeSnapshot(after!.snapshot)}`);
      let damaged = false;
      const statistics = await diffTrees(repository, before!.tree, after!.tree, {
        metadata: options.metadata === true,
        signal,
        onChange: ({ path, modifier }) => {
          if (json) output.json({ message_type: 'change', ...describePath(path), modifier });
          else output.line(`${modifier.padEnd(4)} ${displayPath(path)}`);
        },
        onDamage: (path, error) => {
          damaged = true;
          output.warn(`${displayPath(path) || '/'} cannot be compared: ${error.message}`, 'critical');
        },
      });
      if (json) output.json(describeStatistics(before!.snapshot, after!.snapshot, statistics));
      for (const line of statisticsLines(statistics)) output.say(line);
      return damaged ? ExitStatus.integrity : status;
    });
  },
};

async function treeOf(
  repository: Repository,
  snapshot: Snapshot,
  subPath: string,
  signal: AbortSignal,
): Promise<string> {
  const path = normalizeSnapshotPath(subPath);
  if (path === '') return snapshot.tree;
  const node = await findNode(repository, snapshot.tree, path, signal);
  if (node === undefined)
    throw new NotFoundError(`snapshot ${shortId(snapshot.id)} has no ${displayPath(path)}`, {
      hint: 'see what it has: holdfast ls SNAPSHOT',
    });
  if (node.subtree === undefined)
    throw new HoldfastError('Usage', `${displayPath(path)} is no folder in snapshot ${shortId(snapshot.id)}`, {
      hint: 'name the folder it lies in',
    });
  return node.subtree;
}

/** With the names that restic gives them. */
function describeStatistics(before: Snapshot, after: Snapshot, statistics: DiffStatistics): Record<string, unknown> {
  const describe = ({ files, dirs, others, dataBlobs, treeBlobs, bytes }: SideCounts): Record<string, number> => ({
    files,
    dirs,
    others,
    data_blobs: dataBlobs,
    tree_blobs: treeBlobs,
    bytes,
  });
  return {
    message_type: 'statistics',
    source_snapshot: before.id,
    target_snapshot: after.id,
    changed_files: statistics.changedFiles,
    added: describe(statistics.added),
    removed: describe(statistics.removed),
  };
}

function statisticsLines({ changedFiles, added, removed }: DiffStatistics): string[] {
  const side = (word: string, { files, dirs, others, dataBlobs, treeBlobs, bytes }: SideCounts): string =>
    `${word} ${count(files, 'file')}, ${count(dirs, 'folder')}, ${count(others, 'other entry', 'other entries')}; ` +
    `${formatBytes(bytes)} in ${count(dataBlobs, 'data blob')} and ${count(treeBlobs, 'tree blob')}`;
  return [side('added', added), side('removed', removed), `changed ${count(changedFiles, 'file')}`];
}
