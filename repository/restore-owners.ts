/** Whom restored entries belong to: by the snapshot's numbers, by its names, or to who restores. */
import { loadAccountIds } from '../files/account-ids.ts';
import type { TreeNode } from './tree-node.ts';

/** `number`: uid and gid as they were; `name`: those that this machine has for the names; `none`: as files are made. */
export type OwnerRule = 'number' | 'name' | 'none';

export interface OwnerMap {
  /** Whether owners are set at all. */
  readonly isSet: boolean;
  /** The ids for this machine. */
  mapped<Node extends TreeNode>(node: Node): Node;
}

/**
 * A name that is not known here must not become whoever has its number: what it owned stays with who restores, as
 * restic has it.
 * @param onUnknown Told once of each such name.
 */
export function createOwnerMap(rule: OwnerRule, onUnknown: (kind: 'user' | 'group', name: string) => void): OwnerMap {
  if (rule !== 'name') return { isSet: rule === 'number', mapped: (node) => node };
  const ids = loadAccountIds();
  const [ownUid, ownGid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const told = new Set<string>();
  const tell = (kind: 'user' | 'group', name: string): void => {
    if (!told.has(`${kind} ${name}`)) onUnknown(kind, name);
    told.add(`${kind} ${name}`);
  };
  return {
    isSet: true,
    mapped: (node) => {
      const { user = '', group = '' } = node;
      const [uid, gid] = [ids.userId(user), ids.groupId(group)];
      if (uid === undefined) tell('user', user);
      if (gid === undefined) tell('group', group);
      return { ...node, uid: uid ?? ownUid, gid: gid ?? ownGid };
    },
  };
}
