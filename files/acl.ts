/** POSIX access control lists as Linux keeps them in the attributes `system.posix_acl_access` and `system.posix_acl_default`. */

export const ACL_ACCESS_ATTRIBUTE = 'system.posix_acl_access';
export const ACL_DEFAULT_ATTRIBUTE = 'system.posix_acl_default';

export type AclPrincipal = 'owner' | 'user' | 'group-owner' | 'group' | 'mask' | 'other';

export interface AclPermissions {
  read: boolean;
  write: boolean;
  execute: boolean;
}

export interface AclEntry extends AclPermissions {
  principal: AclPrincipal;
  /** uid or gid, only of `user` and `group`. */
  id?: number;
}

const PRINCIPALS: Record<number, AclPrincipal> = {
  0x01: 'owner',
  0x02: 'user',
  0x04: 'group-owner',
  0x08: 'group',
  0x10: 'mask',
  0x20: 'other',
};

/**
 * Reads the attribute's bytes (`struct posix_acl_xattr_header` and entries, little endian, version 2). undefined when
 * they are none.
 */
export function parseAcl(value: Buffer): AclEntry[] | undefined {
  if (value.length < 4 || (value.length - 4) % 8 !== 0 || value.readUInt32LE(0) !== 2) return undefined;
  const entries: AclEntry[] = [];
  for (let offset = 4; offset < value.length; offset += 8) {
    const principal = PRINCIPALS[value.readUInt16LE(offset)];
    if (principal === undefined) return undefined;
    const entry: AclEntry = { principal, ...toPermissions(value.readUInt16LE(offset + 2)) };
    if (principal === 'user' || principal === 'group') entry.id = value.readUInt32LE(offset + 4);
    entries.push(entry);
  }
  return entries;
}

/**
 * What each principal may do in effect: the mask is applied to named users and all groups, and itself left out. Without
 * an ACL the mode's nine bits say it.
 */
export function effectiveAcl(mode: number, acl: readonly AclEntry[] = []): AclEntry[] {
  if (acl.length === 0) {
    return [
      { principal: 'owner', ...toPermissions((mode >> 6) & 7) },
      { principal: 'group-owner', ...toPermissions((mode >> 3) & 7) },
      { principal: 'other', ...toPermissions(mode & 7) },
    ];
  }
  const mask = acl.find((entry) => entry.principal === 'mask');
  return acl.filter((entry) => entry.principal !== 'mask').map((entry) => applyMask(entry, mask));
}

function applyMask(entry: AclEntry, mask: AclEntry | undefined): AclEntry {
  if (mask === undefined || entry.principal === 'owner' || entry.principal === 'other') return entry;
  return {
    ...entry,
    read: entry.read && mask.read,
    write: entry.write && mask.write,
    execute: entry.execute && mask.execute,
  };
}

function toPermissions(bits: number): AclPermissions {
  return { read: (bits & 4) !== 0, write: (bits & 2) !== 0, execute: (bits & 1) !== 0 };
}
