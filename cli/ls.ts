/** `holdfast ls`: what a snapshot holds. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { displayPath } from '../files/byte-path.ts';
import { walkSnapshot } from '../repository/walk-snapshot.ts';
import type { CliCommand } from './command.ts';
import { describeSnapshot, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { describeNode, longLine } from './node-lines.ts';
import { isBelow, leadsTo, normalizeSnapshotPath } from './snapshot-paths.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import {
  addSnapshotOptions,
  parseSnapshotArgument,
  ofPlace,
  selectSnapshot,
  type SnapshotOptions,
} from './select-snapshot.ts';

interface Options extends RepositoryOptions, SnapshotOptions {
  long?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Lists the files of a snapshot, or of one folder in it. With --json, one line per entry.')
      .argument('[snapshot]', 'which snapshot')
      .argument('[path]', 'only this path, and what is below it')
      .option('-l, --long', 'with mode, owner, size and time');
    addRepositoryOptions(addSnapshotOptions(command));
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const { snapshot: wanted, subPath } = parseSnapshotArgument(args[0] as string | undefined, options);
    const only = normalizeSnapshotPath((args[1] as string | undefined) ?? subPath ?? '');
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal, place) => {
      const { snapshots, status } = await listReadableSnapshots(repository, wanted, output, signal);
      const snapshot = selectSnapshot(snapshots, wanted, ofPlace(options, place));
      await repository.loadIndex({ signal });
      if (json) output.json({ message_type: 'snapshot', ...snapshot });
      else output.note(describeSnapshot(snapshot));
      const descend = (path: ByteString): boolean => leadsTo(path, only) || isBelow(path, only);
      let found = only === '';
      let damaged = false;
      const onError = (path: ByteString, error: unknown): void => {
        if (!(error instanceof IntegrityError)) throw error;
        damaged = true;
        output.warn(`${displayPath(path) || '/'} cannot be listed: ${error.message}`, 'critical');
      };
      for await (const { path, node } of walkSnapshot(repository, snapshot.tree, { signal, descend, onError })) {
        if (output.closed) break;
        if (!isBelow(path, only)) continue;
        found = true;
        if (json) output.json({ message_type: 'node', ...describeNode(path, node) });
        else output.line(options.long === true ? longLine(path, node) : displayPath(path));
      }
      if (!found && !damaged && !output.closed)
        throw new NotFoundError(`snapshot ${shortId(snapshot.id)} has no ${displayPath(only)}`, {
          hint: 'list it without a path: holdfast ls SNAPSHOT',
        });
      return damaged ? ExitStatus.integrity : status;
    });
  },
};
