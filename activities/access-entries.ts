/** Entries as access rules judge them: account names instead of numbers, members of groups, and ACLs. */
import type { ByteString } from '../common/byte-string.ts';
import type { AccessAcl, AccessEntry } from '../domain/access-rules.ts';
import { openAccountNames } from '../files/account-names.ts';
import { ACL_ACCESS_ATTRIBUTE, parseAcl, type AclEntry } from '../files/acl.ts';
import { displayPath, joinPath } from '../files/byte-path.ts';
import { isAbsence } from '../files/file-errors.ts';
import type { FileEntry } from '../files/file-tree.ts';
import { loadNativeMetadata, type NativeMetadata } from '../files/native-metadata.ts';

export interface AccessReader {
  /** The name of the account that this process runs as. */
  readonly worker: string;
  /** @param directory Absolute; the entry's path is relative to it. */
  read(directory: ByteString, entry: FileEntry): AccessEntry;
  membersOf(group: string): readonly string[];
  isAccount(name: string): boolean;
}

/** Names and members are looked up once. */
export function openAccessReader(): AccessReader {
  const names = openAccountNames();
  const native = loadNativeMetadata();
  const members = new Map<string, readonly string[]>();
  const user = (uid: number): string => names.userName(uid) ?? `uid ${uid}`;
  const group = (gid: number): string => names.groupName(gid) ?? `gid ${gid}`;
  return {
    worker: user(process.getuid?.() ?? 0),
    read(directory, entry) {
      const path = joinPath(directory, entry.path);
      const value = readAcl(native, entry.path === '' ? directory : path);
      const acl = value === undefined ? undefined : parseAcl(Buffer.from(value));
      return {
        path: displayPath(entry.path === '' ? directory : path),
        isFolder: entry.type === 'dir',
        mode: entry.mode,
        owner: user(entry.uid),
        group: group(entry.gid),
        ...(acl === undefined ? {} : { acl: toAccessAcl(acl, user, group) }),
      };
    },
    membersOf(name) {
      let known = members.get(name);
      if (known === undefined) {
        known = names.groupMembers(name);
        members.set(name, known);
      }
      return known;
    },
    isAccount: (name) => names.userId(name) !== undefined,
  };
}

/** What has vanished since the walk saw it has no ACL any more. */
function readAcl(native: NativeMetadata, path: ByteString): Uint8Array | undefined {
  try {
    return native.readAttributes(path).find(({ name }) => name === ACL_ACCESS_ATTRIBUTE)?.value;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}

function toAccessAcl(acl: AclEntry[], user: (uid: number) => string, group: (gid: number) => string): AccessAcl {
  const of = (principal: AclEntry['principal']): AclEntry | undefined =>
    acl.find((entry) => entry.principal === principal);
  const mask = of('mask');
  return {
    users: acl
      .filter((entry) => entry.principal === 'user')
      .map((entry) => ({ name: user(entry.id!), bits: bitsOf(entry) })),
    groups: acl
      .filter((entry) => entry.principal === 'group')
      .map((entry) => ({ name: group(entry.id!), bits: bitsOf(entry) })),
    mask: mask === undefined ? 7 : bitsOf(mask),
    owningGroup: bitsOf(of('group-owner')),
  };
}

function bitsOf(entry: AclEntry | undefined): number {
  if (entry === undefined) return 0;
  return (entry.read ? 4 : 0) | (entry.write ? 2 : 0) | (entry.execute ? 1 : 0);
}
