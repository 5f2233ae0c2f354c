/** How names look of files that are being written, and of folders that are being filled: never walked. */
import type { ByteString } from '../common/byte-string.ts';

export const TEMPORARY_PREFIX = '.holdfast-tmp-';
/** Whose it is (machine, process, when that was started), and what makes it one of many. */
export const TEMPORARY_SHAPE = /^\.holdfast-tmp-([0-9a-f]{8})-([0-9a-f]{1,8})-([0-9a-f]{1,16})-[0-9a-f]{16}$/;

export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX) && TEMPORARY_SHAPE.test(name);
}

/** Names of a folder in byte order, without what is still being written. They may be sorted in place. */
export function walkedNames(names: ByteString[]): ByteString[] {
  const walked = names.some((name) => isTemporaryName(name)) ? names.filter((name) => !isTemporaryName(name)) : names;
  return walked.sort();
}
