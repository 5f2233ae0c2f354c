/** `holdfast ls`: what a snapshot holds. */
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, NotFoundError } from '../common/errors.ts';
import { displayPath, fromText, toText } from '../files/byte-path.ts';
import { fromGoMode } from '../repository/go-file-mode.ts';
import type { TreeNode } from '../repository/tree-node.ts';
import { walkSnapshot } from '../repository/walk-snapshot.ts';
import type { CliCommand } from './command.ts';
import { describeSnapshot, displayText, displayTime, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { isBelow, leadsTo } from './snapshot-paths.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { listReadableSnapshots } from './readable-snapshots.ts';
import { addSnapshotOptions, parseSnapshotArgument, selectSnapshot, type SnapshotOptions } from './select-snapshot.ts';

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
    const only = fromText(normalize((args[1] as string | undefined) ?? subPath ?? ''));
    return withRepository(context, options, { role: 'reader', lock: 'reading' }, async (repository, signal) => {
      const { snapshots, status } = await listReadableSnapshots(repository, wanted, output, signal);
      const snapshot = selectSnapshot(snapshots, wanted, options);
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

function normalize(path: string): string {
  const trimmed = path.replaceAll(/\/+/g, '/').replace(/\/$/, '');
  return trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`;
}

/** Names that are not UTF-8 are given as base64 too. */
function describeNode(path: ByteString, node: TreeNode): Record<string, unknown> {
  const text = toText(path);
  return {
    path: text ?? displayPath(path),
    ...(text === undefined && { path_raw: Buffer.from(path, 'latin1').toString('base64') }),
    type: node.type,
    mode: fromGoMode(node.mode ?? 0),
    uid: node.uid,
    gid: node.gid,
    user: node.user,
    group: node.group,
    size: node.type === 'file' ? (node.size ?? 0) : undefined,
    mtime: node.mtime,
    linktarget: node.linktarget === undefined ? undefined : displayPath(node.linktarget),
  };
}

function longLine(path: ByteString, node: TreeNode): string {
  const user = node.user === undefined ? String(node.uid) : displayText(node.user);
  const group = node.group === undefined ? String(node.gid) : displayText(node.group);
  const target = node.linktarget === undefined ? '' : ` -> ${displayPath(node.linktarget)}`;
  const size = String(node.size ?? 0).padStart(12);
  return `${modeString(node)} ${user.padEnd(8)} ${group.padEnd(8)} ${size} ${displayTime(node.mtime)} ${displayPath(path)}${target}`;
}

const TYPE_LETTERS: Record<string, string> = {
  file: '-',
  dir: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  chardev: 'c',
  dev: 'b',
};

/** As `ls -l` writes it: `drwxr-x---`. */
function modeString(node: TreeNode): string {
  const mode = fromGoMode(node.mode ?? 0);
  const bits = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((mode >> bit) & 1 ? 'rwxrwxrwx'[8 - bit]! : '-'));
  const special = (index: number, bit: number, letter: string): void => {
    if (mode & bit) bits[index] = bits[index] === 'x' ? letter : letter.toUpperCase();
  };
  special(2, 0o4000, 's');
  special(5, 0o2000, 's');
  special(8, 0o1000, 't');
  return (TYPE_LETTERS[node.type] ?? '?') + bits.join('');
}
