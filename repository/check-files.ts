/** Check of the files that open a repository and guard it: config, keys, locks. Each is read anew, whatever was read before. */
import { HoldfastError, IntegrityError, NotFoundError } from '../common/errors.ts';
import type { Finding } from '../domain/finding.ts';
import { damage, type DamageKind } from './check-findings.ts';
import { parseConfig } from './config.ts';
import { open, prepareKey, sha256Hex } from './crypto.ts';
import { parseKeyFile } from './key-file.ts';
import { decodeLock } from './lock-file.ts';
import { CONFIG_NAME, KEY_PREFIX, LOCK_PREFIX, listIds, unpackedName } from './object-names.ts';
import type { Repository } from './repository.ts';

/**
 * What is damaged of them. Nothing authenticates who and when in a key file, but its name is the hash of all of it, as it
 * is with locks.
 */
export async function checkGuardingFiles(repository: Repository, signal: AbortSignal | undefined): Promise<Finding[]> {
  const problems: Finding[] = [];
  const verify = async (kind: DamageKind, name: string, work: () => Promise<void>): Promise<void> => {
    const problem = await messageOf(work);
    if (problem !== undefined) problems.push(damage(kind, name, problem));
  };
  await verify('repository/config-damaged', CONFIG_NAME, () => checkConfig(repository, signal));
  for await (const { id } of listIds(repository.storage, KEY_PREFIX, signal)) {
    await verify('repository/key-damaged', KEY_PREFIX + id, () => checkKey(repository, id, signal));
  }
  // Where a lock may be seen before it is whole, one that cannot be read says nothing.
  if (!repository.storage.capabilities.atomicWrites) return problems;
  for await (const { id } of listIds(repository.storage, LOCK_PREFIX, signal)) {
    await verify('repository/lock-damaged', unpackedName('locks', id), async () => {
      try {
        decodeLock(await repository.loadUnpacked('locks', id, callOf(signal)), id);
      } catch (error) {
        // Released between the listing and the reading.
        if (!(error instanceof NotFoundError)) throw error;
      }
    });
  }
  return problems;
}

async function checkConfig(repository: Repository, signal: AbortSignal | undefined): Promise<void> {
  const { storage, key, config } = repository;
  const what = `the config of ${storage.description}`;
  const stored = parseConfig(
    open(prepareKey(key), await storage.read(CONFIG_NAME, undefined, callOf(signal)), what),
    storage.description,
  );
  if (stored.id === config.id && stored.chunker_polynomial === config.chunker_polynomial) return;
  throw new IntegrityError(`${what} is another than when the repository was opened`);
}

async function checkKey({ storage }: Repository, id: string, signal: AbortSignal | undefined): Promise<void> {
  let content: Buffer;
  try {
    content = await storage.read(KEY_PREFIX + id, undefined, callOf(signal));
  } catch (error) {
    // Removed between the listing and the reading.
    if (error instanceof NotFoundError) return;
    throw error;
  }
  if (sha256Hex(content) !== id) throw new IntegrityError(`key file ${id} is damaged: its hash is not its name`);
  parseKeyFile(content, id);
}

/** undefined: nothing is wrong. Whatever else keeps the work from being done is thrown. */
async function messageOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const isDamage = error instanceof IntegrityError || error instanceof NotFoundError;
    if (isDamage || (error instanceof HoldfastError && error.code === 'NotBuilt')) return error.message;
    throw error;
  }
}

function callOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
