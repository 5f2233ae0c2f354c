/** Makes a tree's node of what the file system tells about an entry, as restic makes it. */
import { readlinkSync, type BigIntStats } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { openAccountNames, type AccountNames } from '../files/account-names.ts';
import { fromBytes, toBytes, toText } from '../files/byte-path.ts';
import { type EntryStat, type StatTime } from '../files/entry-stat.ts';
import type { FileType } from '../files/file-tree.ts';
import { typeOfMode } from '../files/file-type.ts';
import { loadNativeMetadata, type NativeMetadata } from '../files/native-metadata.ts';
import type { FileIdentity } from './archive-messages.ts';
import { toGoMode } from './go-file-mode.ts';
import { createGoTimeFormat } from './go-time.ts';
import type { TreeNode } from './tree-node.ts';

/** undefined for a type that Linux does not have. */
export function typeOf({ mode }: EntryStat): FileType | undefined {
  return typeOfMode(mode);
}

export function identityOf(stat: BigIntStats): FileIdentity {
  return { inode: stat.ino, sizeBytes: Number(stat.size), mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs };
}

export interface NodeOptions {
  ignoreAttributes?: boolean;
  hasNoAttributes?: boolean;
}

/** Makes nodes; holds the account names and the native calls that it needs. */
export class SourceNodes {
  readonly #accounts: AccountNames = openAccountNames();
  readonly #native: NativeMetadata = loadNativeMetadata();
  readonly #formatTime = createGoTimeFormat();
  readonly #withAtime: boolean;

  /** @param options `withAtime`: the access time is kept. By default it is put equal to mtime, as restic does. */
  constructor(options: { withAtime?: boolean | undefined } = {}) {
    this.#withAtime = options.withAtime ?? false;
  }

  /**
   * The node of an entry, without content (an empty list for files) and subtree. Throws Node's error when a link or the attributes cannot be read.
   *
   * @param options `ignoreAttributes`: they may be unreadable, as above a source, and are then left out. `hasNoAttributes`: it
   * is known that there are none.
   */
  make(path: ByteString, name: ByteString, stat: EntryStat, options: NodeOptions = {}): TreeNode {
    const type = typeOf(stat);
    if (type === undefined) throw new Error('it is of a type that cannot be backed up');
    const mtime = this.#formatTime(stat.mtime);
    const { uid, gid } = stat;
    const node: TreeNode = {
      name,
      type,
      mode: toGoMode(type, stat.mode & 0o7777),
      mtime,
      atime: this.#withAtime ? this.#formatTime(stat.atime) : mtime,
      ctime: isSameTime(stat.ctime, stat.mtime) ? mtime : this.#formatTime(stat.ctime),
      uid,
      gid,
      user: this.#accounts.userName(uid),
      group: this.#accounts.groupName(gid),
      inode: stat.inode,
      device_id: stat.device,
      content: type === 'file' ? [] : null,
    };
    if (type === 'file') node.size = stat.sizeBytes;
    if (type === 'file' || type === 'symlink' || type === 'dev' || type === 'chardev') node.links = stat.links;
    if (type === 'dev' || type === 'chardev') node.device = stat.specialDevice;
    if (type === 'symlink') node.linktarget = readLink(path);
    if (options.hasNoAttributes) return node;
    const attributes = this.#readAttributes(path, options.ignoreAttributes ?? false);
    if (attributes !== undefined) node.extended_attributes = attributes;
    return node;
  }

  #readAttributes(path: ByteString, ignoreErrors: boolean): TreeNode['extended_attributes'] {
    try {
      const attributes = this.#native.readAttributes(path);
      if (attributes.length === 0) return undefined;
      return attributes.map(({ name, value }) => ({
        name: toText(name) ?? toBytes(name).toString('utf8'),
        // Go writes an empty value as an empty string.
        value: value.toString('base64'),
      }));
    } catch (error) {
      if (ignoreErrors) return undefined;
      throw error;
    }
  }
}

function isSameTime(a: StatTime, b: StatTime): boolean {
  return a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
}

function readLink(path: ByteString): ByteString {
  return fromBytes(readlinkSync(toBytes(path), { encoding: 'buffer' }));
}

/** Node's, of a call of the system. */
export function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
