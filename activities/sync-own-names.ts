/** What a sync keeps in a copy for itself, by its name: no content of the folder, on neither side. Of its own, since each listing thread loads it. */
import type { ByteString } from '../common/byte-string.ts';
import { SYNC_MARKER_FILE } from '../domain/sync-marker.ts';
import { VERSIONS_FOLDER } from '../domain/sync-versions.ts';
import { fromText } from '../files/byte-path.ts';

const MARKER = fromText(SYNC_MARKER_FILE);
const VERSIONS = fromText(VERSIONS_FOLDER);

/** Whether a path in a target's root is its marker, or what a killed run left beside it: never walked, never synced. */
export function isSyncMarker(path: ByteString): boolean {
  return path === MARKER || (path.startsWith(`${MARKER}-`) && !path.includes('/'));
}

/** Whether a name in a location's root is a sync's lock file: never walked, never synced. */
export function isSyncLock(path: string): boolean {
  return /^\.holdfast-sync(\.[0-9a-f]{16})?\.lock/.test(path);
}

/** Whether an entry is the folder of kept versions: for walks, which then leave it out with all below. */
export function isVersionsFolder(path: ByteString): boolean {
  return path === VERSIONS;
}
