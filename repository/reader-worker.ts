/** A reader thread: decrypts, verifies and repacks what the main thread has read. */
import { parentPort, workerData } from 'node:worker_threads';
import { IntegrityError } from '../common/errors.ts';
import { loadNativeFolderCalls } from '../files/native-folder.ts';
import { loadNativeMetadata } from '../files/native-metadata.ts';
import { prepareKey, sha256Hex } from './crypto.ts';
import { loadNativeCtr } from './native-cipher.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { OpenPacks, type FinishedPack } from './open-packs.ts';
import { openBlob, openStoredBlob, readPackHeader } from './pack.ts';
import { ReadMemory } from './read-memory.ts';
import type {
  BlobBatch,
  BlobProblem,
  EndMessage,
  ReaderSettings,
  ReaderTasks,
  ResultMessage,
  TaskMessage,
  TaskName,
} from './reader-messages.ts';
import type { IndexedBlob } from './repository.ts';
import { restoreEntries, restorePart, type ThreadContext } from './restore-entries.ts';
import { readTreeReferences } from './tree-references.ts';
import { verifyEntries } from './verify-entries.ts';

const settings = workerData as ReaderSettings;
const key = prepareKey(settings.key, loadNativeCtr(settings.key.encrypt));
const target = settings.target ?? settings;
const openPacks = new OpenPacks(
  settings.target === undefined ? key : prepareKey(target.key, loadNativeCtr(target.key.encrypt)),
  target,
);
const decompressor = onFirstUse(loadNativeDecompressor);
const restoring = onFirstUse((): ThreadContext => ({
  key,
  native: loadNativeMetadata(),
  calls: loadNativeFolderCalls(),
  decompress: decompressor(),
  memory: new ReadMemory(),
}));

const tasks: { [Name in TaskName]: (input: ReaderTasks[Name]['input']) => ReaderTasks[Name]['output'] } = {
  'verify-pack': verifyPack,
  'read-trees': readTrees,
  repack,
  'restore-entries': (batch) => restoreEntries(restoring(), batch),
  'restore-part': (part) => restorePart(restoring(), part),
  'verify-entries': verifyEntries,
  'finish-repack': () => ({ finished: openPacks.finish() }),
};

const end = new Int32Array(settings.end);

parentPort!.on('message', (message: TaskMessage | EndMessage) => {
  if (message.name === 'end' || Atomics.load(end, 0) !== 0) return parentPort!.close();
  const { result, transfer } = answer(message);
  parentPort!.postMessage(result, transfer);
});

function answer({ number, name, input }: TaskMessage): { result: ResultMessage; transfer: ArrayBuffer[] } {
  try {
    const output = (tasks[name] as (input: unknown) => ReaderTasks[TaskName]['output'])(input);
    return { result: { number, output }, transfer: transferable(output) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { result: { number, failure: { message, integrity: error instanceof IntegrityError } }, transfer: [] };
  }
}

/** Finished packs are handed over, not copied: each is the only one in its memory. */
function transferable(output: ReaderTasks[TaskName]['output']): ArrayBuffer[] {
  if (!('finished' in output)) return [];
  return output.finished.map(({ content }) => content.buffer as ArrayBuffer);
}

function verifyPack(input: ReaderTasks['verify-pack']['input']): ReaderTasks['verify-pack']['output'] {
  const { packId, indexed, content } = input;
  const pack: string[] = [];
  const blobs: BlobProblem[] = [];
  const actual = sha256Hex(content);
  if (actual !== packId) pack.push(`pack ${packId} is damaged: its content has the hash ${actual}`);
  try {
    for (const problem of compareHeader(readPackHeader(key, content, packId), indexed, packId)) pack.push(problem);
  } catch (error) {
    pack.push(integrityMessage(error));
  }
  for (const blob of indexed) {
    try {
      openBlob(key, blob, content.subarray(blob.offset, blob.offset + blob.length), packId, decompressor());
    } catch (error) {
      blobs.push({ id: blob.id, message: integrityMessage(error) });
    }
  }
  return { pack, blobs };
}

function compareHeader(header: IndexedBlob[], indexed: IndexedBlob[], packId: string): string[] {
  const problems: string[] = [];
  const inHeader = new Map(header.map((blob) => [describePlace(blob), blob]));
  for (const blob of indexed) {
    if (inHeader.delete(describePlace(blob))) continue;
    problems.push(`the index places ${blob.type} blob ${blob.id} in pack ${packId} where the pack's header has none`);
  }
  for (const blob of inHeader.values()) {
    problems.push(`pack ${packId} holds ${blob.type} blob ${blob.id}, which the index does not name there`);
  }
  return problems;
}

function describePlace({ id, type, offset, length, uncompressedLength }: IndexedBlob): string {
  return `${type} ${id} ${offset} ${length} ${uncompressedLength ?? ''}`;
}

function readTrees(batch: BlobBatch): ReaderTasks['read-trees']['output'] {
  const problems: BlobProblem[] = [];
  const references = batch.blobs.map((blob) => {
    try {
      return readTreeReferences(openBlob(key, blob, storedBytes(batch, blob), batch.packId, decompressor()));
    } catch (error) {
      problems.push({ id: blob.id, message: integrityMessage(error) });
      return undefined;
    }
  });
  return { references, problems };
}

/** What is compressed goes on as it is, under the target's key. */
function repack(batch: BlobBatch): ReaderTasks['repack']['output'] {
  const results: FinishedPack[] = [];
  const problems: BlobProblem[] = [];
  for (const blob of batch.blobs) {
    let content: { plain: Buffer; opened: Buffer };
    try {
      content = openStoredBlob(key, blob, storedBytes(batch, blob), batch.packId, decompressor());
    } catch (error) {
      problems.push({ id: blob.id, message: integrityMessage(error) });
      continue;
    }
    const { finished } =
      blob.uncompressedLength === undefined
        ? openPacks.add(blob.type, blob.id, content.plain)
        : openPacks.addCompressed(blob.type, blob.id, content.opened, content.plain.length);
    if (finished !== undefined) results.push(finished);
  }
  return { finished: results, problems };
}

function storedBytes({ content, contentOffset }: BlobBatch, blob: IndexedBlob): Uint8Array {
  return content.subarray(blob.offset - contentOffset, blob.offset - contentOffset + blob.length);
}

function integrityMessage(error: unknown): string {
  if (error instanceof IntegrityError) return error.message;
  throw error;
}

/** Check and prune need no metadata, and do not wait for what loads it. */
function onFirstUse<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
