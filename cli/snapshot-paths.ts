/** Where a path inside a snapshot stands against the one that was asked for. */
import type { ByteString } from '../common/byte-string.ts';

/** Whether `path` is `folder` or lies below it; everything lies below the empty path. */
export function isBelow(path: ByteString, folder: ByteString): boolean {
  return folder === '' || path === folder || path.startsWith(`${folder}/`);
}

/** Whether `path` is a folder on the way to `wanted`. */
export function leadsTo(path: ByteString, wanted: ByteString): boolean {
  return path === '' || wanted.startsWith(`${path}/`);
}
