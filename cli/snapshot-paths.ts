/** Where a path inside a snapshot stands against the one that was asked for. */
import type { ByteString } from '../common/byte-string.ts';
import { fromText } from '../files/byte-path.ts';

/** Whether `path` is `folder` or lies below it; everything lies below the empty path. */
export function isBelow(path: ByteString, folder: ByteString): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

/** Whether `path` is a folder on the way to `wanted`. */
export function leadsTo(path: ByteString, wanted: ByteString): boolean {
  return path === '' || wanted.startsWith(`${path}/`);
}

/** A path as a person types it: absolute, one slash between its parts and none at the end; the empty one is the root. */
export function normalizeSnapshotPath(path: string): ByteString {
  const trimmed = path.replaceAll(/\/+/g, '/').replace(/\/$/, '');
  return fromText(trimmed === '' || trimmed.startsWith('/') ? trimmed : `/${trimmed}`);
}
