/** A folder of a snapshot as a tar archive, entry by entry, as restic's `dump` names them. */
import { IntegrityError } from '../common/errors.ts';
import type { ByteString } from '../common/byte-string.ts';
import { encodeTarHeader, TAR_END, tarPadding, type TarEntry, type TarEntryType } from '../files/tar-header.ts';
import { asDamage, dumpContent } from './dump-content.ts';
import { fromGoMode } from './go-file-mode.ts';
import { parseGoTime } from './go-time.ts';
import type { Repository } from './repository.ts';
import type { TreeNode } from './tree-node.ts';
import { walkSnapshot } from './walk-snapshot.ts';

export interface DumpTarRequest {
  /** Hex id of the folder's tree. */
  tree: string;
  /** The folder's path in the snapshot; empty: its root. Names in the archive are whole paths, without their first slash. */
  path: ByteString;
  signal?: AbortSignal;
  /** Told of what no archive can hold: sockets, and types of other systems. */
  onSkipped: (path: ByteString, node: TreeNode) => void;
}

const TYPES: Partial<Record<string, TarEntryType>> = {
  file: 'file',
  dir: 'dir',
  symlink: 'symlink',
  chardev: 'chardev',
  dev: 'dev',
  fifo: 'fifo',
};

/**
 * Yields the archive's bytes. Memory is bounded by a few blobs, the trees on the way down and the names of hard links.
 * Throws IntegrityError at the first damage, in the middle of the archive, which then has no end: no program takes it for whole.
 */
export async function* dumpTar(repository: Repository, request: DumpTarRequest): AsyncGenerator<Buffer> {
  const { signal } = request;
  const links = new FirstNames();
  const onError = (path: ByteString, error: unknown): never => {
    throw asDamage(path, error);
  };
  for await (const { path, node } of walkSnapshot(repository, request.tree, { root: request.path, signal, onError })) {
    const type = TYPES[node.type];
    if (type === undefined) {
      request.onSkipped(path, node);
      continue;
    }
    const entry = describeEntry(path, type, node);
    const first = type === 'file' ? links.firstOf(entry.path, node) : undefined;
    if (first !== undefined) {
      yield encodeTarHeader({ ...entry, type: 'hard-link', size: 0, linkTarget: first });
      continue;
    }
    if (type !== 'file') {
      yield encodeTarHeader(entry);
      continue;
    }
    // Begun before the header is written: what is known to be damaged gets none.
    const content = dumpContent(repository, path, node, signal);
    let blob = await content.next();
    yield encodeTarHeader(entry);
    for (; blob.done !== true; blob = await content.next()) yield blob.value;
    yield tarPadding(entry.size);
  }
  yield TAR_END;
}

function describeEntry(path: ByteString, type: TarEntryType, node: TreeNode): TarEntry {
  const mtimeNs = parseGoTime(node.mtime);
  if (mtimeNs === undefined) throw new IntegrityError(`a file of the snapshot has the time "${node.mtime}"`);
  return {
    path: path.slice(1) as ByteString,
    type,
    mode: fromGoMode(node.mode ?? 0),
    uid: node.uid,
    gid: node.gid,
    user: node.user ?? '',
    group: node.group ?? '',
    size: type === 'file' ? (node.size ?? 0) : 0,
    mtimeNs,
    linkTarget: type === 'symlink' ? (node.linktarget ?? ('' as ByteString)) : ('' as ByteString),
    device: node.device ?? 0n,
    attributes: (node.extended_attributes ?? []).map(({ name, value }) => ({
      name,
      value: Buffer.from(value ?? '', 'base64'),
    })),
  };
}

/** The names under which files with several names were written first. */
class FirstNames {
  readonly #first = new Map<string, { path: ByteString; content: string }>();

  /** undefined: the file is the first of its inode, or the only one. */
  firstOf(path: ByteString, node: TreeNode): ByteString | undefined {
    if ((node.links ?? 0) < 2 || node.inode === undefined) return undefined;
    const inode = `${node.device_id ?? 0n}:${node.inode}`;
    const content = (node.content ?? []).join();
    const first = this.#first.get(inode);
    if (first === undefined) {
      this.#first.set(inode, { path, content });
      return undefined;
    }
    // An inode number that was used anew during the backup is another file.
    return first.content === content ? first.path : undefined;
  }
}
