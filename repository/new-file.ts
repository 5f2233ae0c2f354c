/** What a restore wants of a new file, and hiding one that is there while it is rewritten. */
import { fchmodSync, fstatSync } from 'node:fs';
import { errorCode } from '../files/file-errors.ts';
import { PRIVATE_MODE, type WantedFile } from '../files/new-files.ts';
import { fromGoMode } from './go-file-mode.ts';
import type { RestoredNode } from './restore-messages.ts';

const MODE_BITS = 0o7777;

/** @param owners Whether owner and group will be set. */
export function wantedOf({ mode = 0, uid, gid, extended_attributes }: RestoredNode, owners: boolean): WantedFile {
  return {
    mode: fromGoMode(mode),
    owner: owners ? { uid: uid ?? 0, gid: gid ?? 0 } : undefined,
    isNarrowed: extended_attributes !== undefined && extended_attributes.length > 0,
  };
}

/** Nobody else is to read the new content before the file has its owner and mode, where this account may say so. */
export function hideFile(descriptor: number): void {
  try {
    if ((fstatSync(descriptor).mode & MODE_BITS) !== PRIVATE_MODE) fchmodSync(descriptor, PRIVATE_MODE);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
  }
}
