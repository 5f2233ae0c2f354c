/** A reader thread: decrypts, verifies and repacks what the main thread has read. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { IntegrityError, InterruptedError } from '../common/errors.ts';
import { receiveSettings } from '../files/awaited-thread.ts';
import { loadNativeFolderCalls } from '../files/native-folder.ts';
import { loadNativeMetadata } from '../files/native-metadata.ts';
import { BlobRoom } from './blob-room.ts';
import { compareEntries } from './compare-entries.ts';
import { compressAlways } from './compression.ts';
import { prepareNativeKey } from './crypto.ts';
import { loadBlockHasher } from './native-sha256.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { OpenPacks, type FinishedPack } from './open-packs.ts';
import { openBlob, openStoredBlob } from './pack.ts';
import { createPackHasher } from './pack-hasher.ts';
import { WindowMemory } from './pack-window.ts';
import { ReadMemory } from './read-memory.ts';
import {
  type AwaitedSettings,
  type BlobBatch,
  type BlobProblem,
  type EndMessage,
  type ReaderSettings,
  type ReaderTasks,
  type ResultMessage,
  type TaskMessage,
  type TaskName,
} from './reader-messages.ts';
import type { IndexedBlob } from './repository.ts';
import { restoreEntries, restorePart, type ThreadContext } from './restore-entries.ts';
import { packReferences, readTreeReferences } from './tree-references.ts';
import { verifyEntries } from './verify-entries.ts';
import { verifyPack, type VerifyTools } from './verify-pack.ts';

const decompressor = onFirstUse(loadNativeDecompressor);
const metadata = onFirstUse(loadNativeMetadata);
const folderCalls = onFirstUse(loadNativeFolderCalls);
const settings = receiveSettings<ReaderSettings, AwaitedSettings>(
  workerData as ReaderSettings | AwaitedSettings,
  ({ work }) => {
    // Loads what calls into libraries.
    decompressor();
    if (work !== 'restore') return;
    metadata();
    folderCalls();
  },
);
const key = prepareNativeKey(settings.key);
const target = settings.target ?? settings;
const openPacks = new OpenPacks(settings.target === undefined ? key : prepareNativeKey(target.key), target);
const restoring = onFirstUse((): ThreadContext => ({
  key,
  native: metadata(),
  calls: folderCalls(),
  decompress: decompressor(),
  memory: new ReadMemory(),
}));

const verifying = onFirstUse((): VerifyTools => ({
  key,
  memory: new WindowMemory(),
  hasher: createPackHasher(loadBlockHasher()),
  // Trees that are read in between have the thread's own decompressor.
  rooms: BlobRoom.pair(loadNativeDecompressor),
  pause: doUrgent,
}));

const tasks: { [Name in TaskName]: (input: ReaderTasks[Name]['input']) => ReaderTasks[Name]['output'] } = {
  'verify-pack': (task) => verifyPack(verifying(), task),
  'read-trees': readTrees,
  repack,
  'compare-entries': (batch) => compareEntries(restoring().calls, batch),
  'restore-entries': (batch) => restoreEntries(restoring(), batch),
  'restore-part': (part) => restorePart(restoring(), part),
  'verify-entries': verifyEntries,
  'finish-repack': () => ({ finished: openPacks.finish() }),
};

const end = new Int32Array(settings.end);

/** Taken from the port, and still to be done. */
const backlog: (TaskMessage | EndMessage)[] = [];

parentPort!.on('message', (message: TaskMessage | EndMessage) => {
  backlog.push(message);
  for (let next = backlog.shift(); next !== undefined; next = backlog.shift()) {
    if (next.name === 'end' || isEnding()) return parentPort!.close();
    respond(next);
  }
});

function isEnding(): boolean {
  return Atomics.load(end, 0) !== 0;
}

function respond(task: TaskMessage): void {
  const { result, transfer } = answer(task);
  parentPort!.postMessage(result, transfer);
}

/**
 * Trees are followed level by level: each level would wait for the packs that threads have in their hands. So a thread
 * reads trees in the middle of a pack, whose memory the trees do not touch.
 */
function doUrgent(): void {
  if (isEnding()) throw new InterruptedError();
  for (let received = receiveMessageOnPort(parentPort!); received; received = receiveMessageOnPort(parentPort!)) {
    const message = received.message as TaskMessage | EndMessage;
    if (message.name === 'read-trees') respond(message);
    else backlog.push(message);
  }
}

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
  return { trees: packReferences(references), problems };
}

/** What is compressed goes on as it is, under the target's key; the rest is compressed if that saves something, or it must be. */
function repack(batch: ReaderTasks['repack']['input']): ReaderTasks['repack']['output'] {
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
    const { plain, opened } = content;
    const isCompressed = blob.uncompressedLength !== undefined;
    const { finished } =
      isCompressed || batch.compressAll === true
        ? openPacks.addCompressed(
            blob.type,
            blob.id,
            isCompressed ? opened : compressAlways(plain, target.compression),
            plain.length,
          )
        : openPacks.add(blob.type, blob.id, plain);
    if (finished !== undefined) results.push(finished);
  }
  // All of it is in the packs: its memory is freed at once, not when the collector comes by.
  (batch.content.buffer as ArrayBuffer).transfer(0);
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
