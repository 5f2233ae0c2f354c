/** Whether a password belongs to what a tree holds in rclone's crypt format: asked before anything there is judged by its name. */
import type { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';
import { IntegrityError, throwIfAborted } from '../common/errors.ts';
import { baseName } from './byte-path.ts';
import {
  CRYPT_HEADER_BYTES,
  CRYPT_PROBE_BYTES,
  decryptContent,
  hasCryptHeader,
  plainSizeBytes,
} from './crypt-content.ts';
import { createNameCipher, type NameCipher } from './crypt-names.ts';
import type { CryptSettings } from './encrypted-tree.ts';
import type { FileEntry, FileTree } from './file-tree.ts';

/** So many files are opened at most. */
const MAX_PROBES = 32;
/** A name that was encrypted under another key looks right once in 255 times, so that this many leave no doubt. */
const CONVINCING_NAMES = 4;

interface Evidence {
  namesFitting: number;
  namesFailing: number;
  contentsFailing: number;
  probes: number;
}

/**
 * One file whose beginning authenticates settles it. Without one, false when encrypted files were found, or when one of
 * few names fails; a tree that holds nothing encrypted fits any password.
 */
export async function cryptKeyFits(inner: FileTree, settings: CryptSettings, signal: AbortSignal): Promise<boolean> {
  const names = createNameCipher(settings.names, settings.keys);
  const evidence: Evidence = { namesFitting: 0, namesFailing: 0, contentsFailing: 0, probes: 0 };
  if ((await inner.stat('' as ByteString)) === undefined) return true;
  for await (const entry of inner.walk({ signal, onError: () => undefined })) {
    throwIfAborted(signal);
    weighName(evidence, names, entry);
    if (isCandidate(entry, names) && evidence.probes < MAX_PROBES) {
      evidence.probes++;
      const authentic = await probeContent(inner, entry, settings.keys.dataKey, signal);
      if (authentic === true) return true;
      if (authentic === false) evidence.contentsFailing++;
    }
    const { namesFitting, namesFailing, probes } = evidence;
    if (probes >= MAX_PROBES || namesFitting + namesFailing >= 100 * MAX_PROBES) break;
  }
  const namesConvince = evidence.namesFitting >= CONVINCING_NAMES && evidence.namesFitting > evidence.namesFailing;
  return namesConvince || (evidence.contentsFailing === 0 && evidence.namesFailing === 0);
}

function weighName(evidence: Evidence, names: NameCipher, { path, type }: FileEntry): void {
  const stored = baseName(path);
  if ((type !== 'file' && type !== 'dir') || !names.looksEncrypted(stored)) return;
  if (names.decrypt(stored, type) === undefined) evidence.namesFailing++;
  else evidence.namesFitting++;
}

function isCandidate({ path, type, sizeBytes }: FileEntry, names: NameCipher): boolean {
  if (type !== 'file' || sizeBytes <= CRYPT_HEADER_BYTES || plainSizeBytes(sizeBytes) === undefined) return false;
  const stored = baseName(path);
  return names.mode === 'plain' ? names.decrypt(stored, type) !== undefined : names.looksEncrypted(stored);
}

/** undefined: not an encrypted file, or one that cannot be read. */
async function probeContent(
  inner: FileTree,
  { path }: FileEntry,
  dataKey: Uint8Array,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    const beginning = await readBeginning(await inner.openRead(path, { signal }));
    if (!hasCryptHeader(beginning)) return undefined;
    for await (const block of decryptContent(dataKey, once(beginning), 'the file')) if (block.length > 0) return true;
    return undefined;
  } catch (error) {
    throwIfAborted(signal);
    return error instanceof IntegrityError ? false : undefined;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function readBeginning(stream: Readable): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    length += piece.length;
    if (length >= CRYPT_PROBE_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, CRYPT_PROBE_BYTES);
}
