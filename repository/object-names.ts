/** Where things lie in a repository: restic's default layout (doc/design.rst, "Repository Layout"). */
import type { ObjectEntry, Storage } from '../storage/storage.ts';

export const CONFIG_NAME = 'config';
export const PACK_PREFIX = 'data/';
export const KEY_PREFIX = 'keys/';
export const LOCK_PREFIX = 'locks/';

/** Files that are encrypted as a whole, each kind in its folder. */
export type UnpackedKind = 'index' | 'snapshots' | 'locks';

const ID = /^[0-9a-f]{64}$/;

/** Packs are spread over 256 folders by their first byte. */
export function packName(packId: string): string {
  return `${PACK_PREFIX}${packId.slice(0, 2)}/${packId}`;
}

export function unpackedName(kind: UnpackedKind, id: string): string {
  return `${kind}/${id}`;
}

/** Whether restic's layout has an object of this name; files that a writer left unfinished are its own, too. */
export function isRepositoryObject(name: string): boolean {
  return /^(?:config|(?:keys|locks|snapshots|index)\/[0-9a-f]{64}|data\/(?:[0-9a-f]{2}\/)?[0-9a-f]{64})$/.test(name);
}

/** The objects below a prefix that are named by an id; whatever else lies there is none of ours. */
export async function* listIds(
  storage: Storage,
  prefix: string,
  signal?: AbortSignal,
): AsyncIterable<ObjectEntry & { id: string }> {
  for await (const entry of storage.list(prefix, signal === undefined ? {} : { signal })) {
    const id = entry.name.slice(entry.name.lastIndexOf('/') + 1);
    if (ID.test(id)) yield { ...entry, id };
  }
}
