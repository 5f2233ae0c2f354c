/** Entries of a tree as SFTP, version 3, tells and takes them (draft-ietf-secsh-filexfer-02, section 5). */
import type { InputAttributes, Stats } from 'ssh2';
import type { ByteString } from '../common/byte-string.ts';
import type { EntryMetadata, FileEntry, FileType } from '../files/file-tree.ts';
import { typeOfMode } from '../files/file-type.ts';

/** Times are whole seconds in 32 bits without a sign. */
const LATEST_SECOND = 2n ** 32n - 1n;
const SECOND_NS = 1_000_000_000n;

/** What SFTP has room for. */
function toSeconds(mtimeNs: bigint): number {
  const seconds = mtimeNs / SECOND_NS - (mtimeNs % SECOND_NS < 0n ? 1n : 0n);
  return Number(seconds < 0n ? 0n : seconds > LATEST_SECOND ? LATEST_SECOND : seconds);
}

/** The time that is read again when this one was set. */
export function keptTime(mtimeNs: bigint): bigint {
  return BigInt(toSeconds(mtimeNs)) * SECOND_NS;
}

/** Of a link without its target. */
export function remoteEntry(path: ByteString, stats: Stats): FileEntry {
  const mtimeNs = BigInt(stats.mtime ?? 0) * SECOND_NS;
  return {
    path,
    type: typeOfMode(stats.mode) ?? 'file',
    mode: stats.mode & 0o7777,
    sizeBytes: stats.size,
    mtimeNs,
    // SFTP does not say when an entry was changed otherwise.
    ctimeNs: mtimeNs,
    uid: stats.uid,
    gid: stats.gid,
    inode: 0n,
    device: 0n,
    links: 1,
  };
}

/**
 * One request for each. The owner, if the account can give files away, by itself and first: changing it clears setuid,
 * and servers do it last of one request.
 */
export function remoteAttributes(
  type: FileType,
  { mode, mtimeNs, uid, gid }: EntryMetadata,
  { givesAway }: { givesAway: boolean },
): InputAttributes[] {
  const owner = givesAway && uid !== undefined && gid !== undefined ? [{ uid, gid }] : [];
  const seconds = mtimeNs === undefined ? undefined : toSeconds(mtimeNs);
  const rest: InputAttributes = {
    ...(mode === undefined || type === 'symlink' ? {} : { mode }),
    ...(seconds === undefined ? {} : { atime: seconds, mtime: seconds }),
  };
  return [...owner, ...(Object.keys(rest).length === 0 ? [] : [rest])];
}
