/** Putting a node's metadata on what was restored: owner, extended attributes, mode, times, in the order in which none undoes another. */
import { chmodSync, fchmodSync, fchownSync, lchownSync } from 'node:fs';
import type { ByteString } from '../common/byte-string.ts';
import { fromText, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import type { EntryTimes, NativeMetadata } from '../files/native-metadata.ts';
import { fromGoMode } from './go-file-mode.ts';
import { parseGoTime, ZERO_GO_TIME } from './go-time.ts';
import type { RestoredNode } from './restore-messages.ts';

export interface RestoredPlace {
  /** By which calls that do not follow links reach the entry. */
  path: ByteString;
  /** The held entry itself (`/proc/self/fd/N`), for the mode; absent of a symbolic link, which has none. */
  self?: ByteString;
  /** Of a file that is open: then nothing is looked up by a path but its extended attributes. */
  descriptor?: number;
  /** What making the entry has given it already. */
  made?: MadeWith | undefined;
  /** A shorter way than by the path. */
  setTimes?: (times: EntryTimes) => void;
}

export interface MadeWith {
  /** Permission bits; absent of what has none of its own, or where they are not known. */
  mode?: number;
  uid: number;
  gid: number;
}

/** Returns what could not be set, a sentence each. What only root may set is no problem of another account. */
export function applyMetadata(
  native: NativeMetadata,
  place: RestoredPlace,
  node: RestoredNode,
  owners: boolean,
): string[] {
  const problems: string[] = [];
  const attempt = (what: string, privileged: boolean, act: () => void): void => {
    try {
      act();
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      if (privileged && code === 'EPERM' && process.geteuid?.() !== 0) return;
      problems.push(`${what} could not be restored (${code})`);
    }
  };
  // The owner first: changing it takes setuid and capabilities away.
  const { made } = place;
  const isOwned = made?.uid === node.uid && made.gid === node.gid;
  if (owners && !isOwned) attempt('the owner', true, () => changeOwner(place, node));
  for (const { name, value } of node.extended_attributes ?? []) {
    attempt(`the extended attribute ${JSON.stringify(name)}`, !name.startsWith('user.'), () =>
      native.setAttribute(place.path, fromText(name), Buffer.from(value ?? '', 'base64')),
    );
  }
  const mode = fromGoMode(node.mode ?? 0);
  // Access lists among the attributes change it, and so does another owner.
  const isSet = made?.mode === mode && (isOwned || !owners) && !node.extended_attributes?.length;
  if (!isSet) attempt('the mode', false, () => changeMode(place, mode));
  // rustic keeps no times of the folders above a source: they stay as they are.
  if (node.mtime === ZERO_GO_TIME) return problems;
  const mtimeNs = parseGoTime(node.mtime);
  if (mtimeNs === undefined) return [...problems, 'the time of modification is no time'];
  const atimeNs = node.atime === node.mtime ? mtimeNs : parseGoTime(node.atime);
  attempt('the times', false, () => {
    if (place.setTimes !== undefined) place.setTimes({ mtimeNs, atimeNs });
    else if (place.descriptor === undefined) native.setTimes(place.path, { mtimeNs, atimeNs });
    else native.setTimesOfOpen(place.descriptor, { mtimeNs, atimeNs });
  });
  return problems;
}

function changeOwner({ path, descriptor }: RestoredPlace, { uid, gid }: RestoredNode): void {
  if (descriptor === undefined) lchownSync(toBytes(path), uid, gid);
  else fchownSync(descriptor, uid, gid);
}

function changeMode({ self, descriptor }: RestoredPlace, mode: number): void {
  if (descriptor !== undefined) fchmodSync(descriptor, mode);
  else if (self !== undefined) chmodSync(toBytes(self), mode);
}
