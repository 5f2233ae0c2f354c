/** The archiver's worker thread: a blob's whole path, from reading to the finished pack, in its own memory. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Job, JobResult, MessageFromWorker, MessageToWorker, WorkerSettings } from './archive-messages.ts';
import { BlobWriter } from './blob-writer.ts';
import { sha256Hex } from './crypto.ts';
import { FileReader } from './file-reader.ts';
import { KnownBlobs } from './known-blobs.ts';

if (parentPort === null) throw new Error('archive-worker is the module of a worker thread');
start(parentPort, workerData as WorkerSettings);

function start(port: NonNullable<typeof parentPort>, settings: WorkerSettings): void {
  const known = new KnownBlobs(settings.knownBlobs);
  const send = (message: MessageFromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
  const writer = new BlobWriter(settings, known, (pack, content) =>
    send({ kind: 'pack', pack, content }, [content.buffer as ArrayBuffer, pack.words.buffer as ArrayBuffer]),
  );
  const abort = new Int32Array(settings.abort);
  const reader = new FileReader(settings.polynomial, abort);
  port.on('message', (message: MessageToWorker) => {
    if (message.kind === 'end' || Atomics.load(abort, 0) !== 0) port.close();
    else if (message.kind === 'known') known.replace(message.memory);
    else send({ kind: 'result', number: message.number, result: run(message.job, reader, writer) });
  });
}

function run(job: Job, reader: FileReader, writer: BlobWriter): JobResult {
  const store = (plain: Uint8Array): string => writer.addData(plain);
  switch (job.kind) {
    case 'files': {
      const files = job.files.map((file) => reader.readFile(file, store));
      return { kind: 'files', files, stored: writer.takeFigures() };
    }
    case 'hash':
      return { kind: 'hash', files: job.files.map((file) => reader.readFile(file, sha256Hex)) };
    case 'slice': {
      const outcome = reader.readSlice(job.file, job.cursor, store);
      return { kind: 'slice', ...outcome, stored: writer.takeFigures() };
    }
    case 'chunks': {
      const ids = reader.storeChunks(job.memory, job.ends, store);
      return { kind: 'chunks', ids, stored: writer.takeFigures() };
    }
    case 'trees':
      for (const tree of job.trees) writer.addTree(tree.id, tree.content);
      return { kind: 'trees', stored: writer.takeFigures() };
    case 'finish':
      writer.finish();
      return { kind: 'finish', stored: writer.takeFigures() };
  }
}
