/** `holdfast find`: in which snapshots a file is. */
import { HoldfastError } from '../common/errors.ts';
import { fits } from '../domain/find-snapshot.ts';
import { displayPath } from '../files/byte-path.ts';
import { createEntryFinder } from '../repository/find-entries.ts';
import type { CliCommand } from './command.ts';
import { count, describeSnapshot } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { describeNode, longLine } from './node-lines.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { addSnapshotFilters, ofPlace, type SnapshotFilterOptions } from './select-snapshot.ts';

interface Options extends RepositoryOptions, SnapshotFilterOptions {
  long?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Finds files and folders in all snapshots, oldest first, by restic’s patterns: a name, or *.txt, at any depth; ' +
          '/srv/*/a from the root; ** for any number of folders. What lies in a folder that matches is found, too. ' +
          'With --json, one line per entry and snapshot.',
      )
      .argument('<pattern...>', 'what to look for; in quotes, so that the shell leaves it alone')
      .option('-l, --long', 'with mode, owner, size and time');
    addRepositoryOptions(addSnapshotFilters(command));
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const patterns = args[0] as string[];
    // An unset variable of a script, not everything.
    if (patterns.includes(''))
      throw new HoldfastError('Usage', 'a pattern is empty', { hint: 'write * for everything' });
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal, place) => {
      const broken: string[] = [];
      const all = await repository.listSnapshots({ signal, onError: (id) => void broken.push(id) });
      for (const id of broken) output.warn(`the snapshot file ${id} cannot be read; run holdfast check`);
      await repository.loadIndex({ signal });
      const finder = createEntryFinder(repository, patterns, signal);
      const damaged = new Set<string>();
      let matches = 0;
      let holding = 0;
      const snapshots = all.filter((snapshot) => fits(snapshot, ofPlace(options, place)));
      for (const snapshot of snapshots) {
        if (output.closed) break;
        const { entries, damage } = await finder.find(snapshot.tree);
        let inSnapshot = 0;
        for (const { path, node } of entries) {
          if (inSnapshot++ === 0) output.note(`in ${describeSnapshot(snapshot)}:`);
          if (json) output.json({ message_type: 'match', snapshot: snapshot.id, ...describeNode(path, node) });
          else output.line(options.long === true ? longLine(path, node) : displayPath(path));
        }
        matches += inSnapshot;
        if (inSnapshot > 0) holding++;
        for (const { path, error } of damage) {
          const text = `${displayPath(path) || '/'} cannot be searched: ${error.message}`;
          if (!damaged.has(text)) output.warn(`in ${describeSnapshot(snapshot)}: ${text}`, 'critical');
          damaged.add(text);
        }
      }
      output.detail(`read ${count(finder.treesRead, 'folder')}`);
      output.note(`${count(matches, 'match', 'matches')} in ${holding} of ${count(snapshots.length, 'snapshot')}`);
      return broken.length + damaged.size === 0 ? ExitStatus.done : ExitStatus.integrity;
    });
  },
};
