/** Which blobs a stored pack holds by its own header, which is read without the rest of the pack. */
import { IntegrityError } from '../common/errors.ts';
import type { Storage } from '../storage/storage.ts';
import type { SealingKey } from './crypto.ts';
import { packName } from './object-names.ts';
import { LENGTH_BYTES, packSizeBytes, readPackHeader } from './pack.ts';
import type { IndexedPack } from './repository.ts';

/** Holds the header of most packs. */
const FIRST_GUESS_BYTES = 64 * 1024;

/**
 * Throws IntegrityError when the header cannot be read, or when the pack is not as long as its blobs; NotFound when it
 * is not there.
 */
export async function readStoredHeader(
  storage: Storage,
  key: SealingKey,
  pack: { id: string; sizeBytes: number },
  signal?: AbortSignal,
): Promise<IndexedPack> {
  const { id, sizeBytes } = pack;
  const call = signal === undefined ? {} : { signal };
  const readEnd = (bytes: number): Promise<Uint8Array> => {
    const length = Math.min(bytes, sizeBytes);
    return storage.read(packName(id), { offset: sizeBytes - length, length }, call);
  };
  let end = Buffer.from(await readEnd(FIRST_GUESS_BYTES));
  if (end.length >= LENGTH_BYTES) {
    const wanted = end.readUInt32LE(end.length - LENGTH_BYTES) + LENGTH_BYTES;
    if (wanted > end.length && wanted <= sizeBytes) end = Buffer.from(await readEnd(wanted));
  }
  const blobs = readPackHeader(key, end, id);
  const expected = packSizeBytes(blobs);
  if (expected !== sizeBytes)
    throw new IntegrityError(`pack ${id} has ${sizeBytes} bytes, but its blobs and header ${expected}`);
  return { id, blobs };
}
