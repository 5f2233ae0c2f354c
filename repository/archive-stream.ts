/** Backs up a stream, whose length nobody knows beforehand, as one file of a snapshot. */
import path from 'node:path';
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError, InterruptedError, throwIfAborted } from '../common/errors.ts';
import { silentProgress, type Progress } from '../common/progress.ts';
import { fromText } from '../files/byte-path.ts';
import type { ArchiveContext, ArchiveResult } from './archive.ts';
import { WINDOW_BYTES } from './archive-messages.ts';
import { ArchiveReport } from './archive-report.ts';
import { describeSnapshot, figuresOf, storeArchive, type ArchiveSink, type StoreSettings } from './archive-run.ts';
import { toGoMode } from './go-file-mode.ts';
import { formatGoTime } from './go-time.ts';
import { OpenFolder } from './open-folder.ts';
import type { Repository } from './repository.ts';
import { cutStream } from './stream-chunks.ts';
import { encodeNodeHead, type TreeNode } from './tree-node.ts';

/** restic's. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

export interface StreamRequest extends StoreSettings {
  content: AsyncIterable<Uint8Array | string>;
  /** Of the file in the snapshot, from its root. */
  path: string;
  hostname: string;
  tags: string[];
  /** Of the snapshot, the file and its folders. */
  time: Date;
  /** Patterns that the snapshot is to name; a stream is not measured by them. */
  excludes?: string[];
  /** A stream without a byte is backed up all the same. */
  acceptEmpty?: boolean;
}

/**
 * Makes a snapshot as `archive` does; there is no parent, since nothing is known of what was read before. Throws what
 * reading the stream throws, GuardRefused (`context.guard` is `emptySource`) for an empty one, and Usage for a path
 * without a name; then there is no snapshot.
 */
export async function archiveStream(
  repository: Repository,
  request: StreamRequest,
  { signal, progress = silentProgress, onEntry, held }: ArchiveContext = {},
): Promise<ArchiveResult> {
  throwIfAborted(signal);
  const absolute = path.posix.resolve('/', request.path);
  if (absolute === '/')
    throw new HoldfastError('Usage', `"${request.path}" is not the name of a file`, {
      hint: 'give a name like dump.sql',
    });
  await repository.loadIndex(signal ? { signal } : {});
  const report = new ArchiveReport({ progress, onEntry });
  const start = new Date();
  const tree = await storeArchive(repository, { settings: request, report, signal, held }, async (sink) => {
    const stored = await storeStream(repository, request.content, { sink, report, progress, signal });
    if (stored.sizeBytes === 0 && request.acceptEmpty !== true) throw emptyStream();
    report.file('new', fromText(absolute), stored.sizeBytes);
    placeFile(absolute, stored, request.time, sink);
  });
  throwIfAborted(signal);
  const excludes = request.excludes ?? [];
  const made = describeSnapshot({ ...request, excludes, paths: [absolute], parent: undefined, tree }, report, start);
  const snapshotId = await repository.saveSnapshot(made, signal ? { signal } : {});
  return {
    snapshotId,
    snapshot: { ...made, id: snapshotId },
    skipped: false,
    summary: report.summary(start, new Date()),
    figures: figuresOf(report),
    unreadable: [],
    changedWhileRead: [],
    notices: [],
  };
}

function emptyStream(): HoldfastError {
  return new HoldfastError('GuardRefused', 'The stream is empty: no snapshot is made of it.', {
    hint: 'See why the program before it said nothing. If it is meant to be empty, back it up with --accept-empty.',
    context: { guard: 'emptySource' },
  });
}

interface StoredStream {
  content: string[];
  sizeBytes: number;
}

interface StreamContext {
  sink: ArchiveSink;
  report: ArchiveReport;
  progress: Progress;
  signal: AbortSignal | undefined;
}

/** Windows are stored by the workers side by side; as many are under way as keep all of them busy. */
async function storeStream(
  repository: Repository,
  content: AsyncIterable<Uint8Array | string>,
  { sink: { pool }, report, progress, signal }: StreamContext,
): Promise<StoredStream> {
  const ids: string[][] = [];
  const underWay = new Set<Promise<void>>();
  // Used again and again: what is sent as a copy would stay until both sides collect their garbage.
  const free: SharedArrayBuffer[] = [];
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const onAbort = (): void => failed.reject(new InterruptedError());
  signal?.addEventListener('abort', onAbort, { once: true });
  let sizeBytes = 0;
  try {
    const windows = cutStream(content, repository.config.chunker_polynomial);
    for (;;) {
      // A stream may be silent for hours: what happens meanwhile must be noticed.
      const next = await Promise.race([windows.next(), failed.promise]);
      if (next.done === true) break;
      const { content: chunks, ends } = next.value;
      sizeBytes += chunks.length;
      const memory = free.pop() ?? new SharedArrayBuffer(WINDOW_BYTES);
      new Uint8Array(memory).set(chunks);
      const index = ids.push([]) - 1;
      const stored = pool.run({ kind: 'chunks', memory, ends }).then((result) => {
        ids[index] = result.ids;
        report.stored('data', result.stored);
        underWay.delete(stored);
        free.push(memory);
      });
      stored.catch(failed.reject);
      underWay.add(stored);
      progress.report({ phase: 'backing up', bytes: sizeBytes });
      while (underWay.size > pool.maxWorkers) await Promise.race(underWay);
    }
    await Promise.all(underWay);
    return { content: ids.flat(), sizeBytes };
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The file and the folders above it, as restic makes them: of this account, and of the snapshot's time. */
function placeFile(absolute: string, stored: StoredStream, time: Date, { trees }: ArchiveSink): void {
  const names = fromText(absolute).split('/').slice(1) as ByteString[];
  const root = new OpenFolder();
  let folder = root;
  const opened = [root];
  for (const name of names.slice(0, -1)) {
    folder = folder.addFolder({ name, head: fromText(encodeNodeHead(makeNode(name, 'dir', time))) });
    opened.push(folder);
  }
  folder.add({ ...makeNode(names.at(-1)!, 'file', time), size: stored.sizeBytes, content: stored.content });
  for (const finished of opened) trees.settle(finished);
}

function makeNode(name: ByteString, type: 'file' | 'dir', time: Date): TreeNode {
  const now = formatGoTime(BigInt(time.getTime()) * 1_000_000n);
  return {
    name,
    type,
    mode: toGoMode(type, type === 'file' ? FILE_MODE : FOLDER_MODE),
    mtime: now,
    atime: now,
    ctime: now,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    content: null,
  };
}
