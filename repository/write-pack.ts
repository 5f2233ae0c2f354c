/** Writes a finished pack: never over another one. */
import { HoldfastError, IntegrityError, StorageError } from '../common/errors.ts';
import type { Storage } from '../storage/storage.ts';
import { packName } from './object-names.ts';

/**
 * A pack's name is the SHA-256 of its bytes, and no two sealings give the same bytes: what already has the name is an
 * earlier attempt of this very write, whose answer got lost. A local disk is asked to replace, which costs less there,
 * and loses no answers. Throws Integrity when what is there has another size; where writes are not all-or-nothing, it is
 * what an earlier attempt left when it was cut (StorageUnreachable): the next run seals its blobs under another name.
 */
export async function writePack(
  storage: Storage,
  id: string,
  content: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = packName(id);
  const call = signal === undefined ? {} : { signal };
  const existing = storage.capabilities.localDirectory === undefined ? 'refuse' : 'replace';
  try {
    await storage.write(name, content, { ...call, existing });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'AlreadyExists') throw error;
    const stored = await storage.stat(name, call);
    if (stored?.sizeBytes === content.length) return;
    if (!storage.capabilities.atomicWrites) {
      throw new StorageError(`the line broke while the pack ${id} was written to ${storage.description}`, {
        hint: 'Run it again: what was cut counts for nothing, and prune clears it away.',
        cause: error,
      });
    }
    throw new IntegrityError(`the pack ${id} is in ${storage.description} already, with another size`, {
      hint: 'Run "holdfast check --read-data", which names what is damaged.',
      cause: error,
    });
  }
}
