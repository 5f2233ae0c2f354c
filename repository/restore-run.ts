/** One restore under way: walks the snapshot, hands work to the threads, and counts what came of it. */
import { closeSync, constants, ftruncateSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { HoldfastError, StorageError, throwIfAborted } from '../common/errors.ts';
import type { Severity } from '../domain/finding.ts';
import type { FindingList } from '../domain/findings.ts';
import { displayPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import { loadNativeMetadata, type NativeMetadata } from '../files/native-metadata.ts';
import { openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { createTemporaryNames } from '../files/temporary-name.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { plainSize } from './plain-size.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { RestoreRequest } from './restore.ts';
import { fillSource, type LocatedBlob, locateContent, planSource } from './restore-blobs.ts';
import { placeFile, removeQuietly } from './restore-entries.ts';
import { RestoreFolders } from './restore-folders.ts';
import { linkEntry, RestoreLinks } from './restore-links.ts';
import type {
  RestoreAnswer,
  RestoredNode,
  RestoreEntry,
  RestoreFolderEntries,
  RestoreTarget,
} from './restore-messages.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { findStart, placeOf, walkFrom, type RestoreStart } from './restore-walk.ts';
import type { TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

export interface RestoreRunOptions {
  repository: Repository;
  request: RestoreRequest;
  selection: RestoreSelection;
  pool: ReaderPool;
  root: SafeFolder;
  problems: FindingList;
}

/** A batch is done in some milliseconds, and needs little memory. */
const MAX_BATCH_ENTRIES = 128;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Larger files are written by several threads, a part each. */
const MAX_PART_BYTES = 16 * 1024 * 1024;
/** Links are made in a row no longer than this before others get their turn. */
const SLICE_MS = 5;

const SELF = '' as ByteString;
const RESTORABLE = new Set(['file', 'symlink', 'fifo', 'dev', 'chardev']);

/** Entries of some folders, restored together. */
interface BatchUnit {
  kind: 'batch';
  temporary: ByteString;
  folders: RestoreFolderEntries[];
  /** Of all of them. */
  content: LocatedBlob[];
}

/** A file in several parts: the last one to be finished gives it its place. */
interface BigFile {
  folder: ByteString;
  entry: RestoreEntry;
  temporary: ByteString;
  path: ByteString;
  partsLeft: number;
  failed: boolean;
}

interface PartUnit {
  kind: 'part';
  file: BigFile;
  pieces: { id: string; offset: number }[];
  content: LocatedBlob[];
}

type Unit = BatchUnit | PartUnit;

const SEVERITIES: Record<string, Severity> = {
  'restore/metadata': 'warning',
  'restore/left-out': 'notice',
};

const HINTS: Record<string, string> = {
  'restore/damaged': 'Run "holdfast check --read-data" on the repository, and restore the file from another snapshot.',
  'restore/invalid': 'Run "holdfast check" on the repository; do not trust it if somebody else may write there.',
  'restore/unwritable': 'Restore into a fresh folder, as an account that may write there.',
  'restore/mismatch': 'Restore the file again; when it differs again, look at the disk.',
};

/** What a thread must know of a node: the rest would only cost its way there. */
function neededOf(node: TreeNode): RestoredNode {
  const { type, mtime, atime, uid, gid, content } = node;
  const needed: RestoredNode = { type, mtime, atime, uid, gid, content };
  if (node.mode !== undefined) needed.mode = node.mode;
  if (node.linktarget !== undefined) needed.linktarget = node.linktarget;
  if (node.extended_attributes !== undefined) needed.extended_attributes = node.extended_attributes;
  if (node.device !== undefined) needed.device = node.device;
  return needed;
}

export class RestoreRun {
  readonly counts = { files: 0, directories: 0, bytes: 0 };
  readonly #options: RestoreRunOptions;
  readonly target: RestoreTarget;
  readonly #folders: RestoreFolders;
  readonly #links = new RestoreLinks();
  readonly #nextTemporary = createTemporaryNames();
  /** Where temporary names may stand in the target now. */
  readonly #unfinished = new Set<{ folder: ByteString; temporary: ByteString }>();
  /** Below the target: what is told of already, and need not be verified. */
  readonly failed = new Set<ByteString>();
  #native: NativeMetadata | undefined;

  constructor(options: RestoreRunOptions) {
    this.#options = options;
    const owners = options.request.owners ?? process.geteuid?.() === 0;
    this.target = { descriptor: options.root.descriptor, owners };
    this.#folders = new RestoreFolders(options.root, (path, message) =>
      this.#addProblem('restore/unwritable', path, message),
    );
  }

  async restore(): Promise<void> {
    const { pool } = this.#options;
    const { request, repository } = this.#options;
    const start = await findStart(repository, request.snapshot.tree, request.subPath, request.signal);
    await forEachConcurrently(this.#units(start), pool.concurrency, (unit) =>
      unit.kind === 'batch' ? this.#restoreBatch(unit) : this.#restorePart(unit),
    );
    await this.#makeLinks();
    await this.#folders.finish(this.#loadNative(), this.target.owners, this.#options.request.signal);
    this.counts.directories = this.#folders.count;
  }

  /** Removes what an interruption left under temporary names, as far as it can be reached, and lets go of the folders. */
  removeUnfinished(): void {
    this.#folders[Symbol.dispose]();
    for (const { folder: path, temporary } of this.#unfinished) {
      try {
        using folder = openFolderBelow(this.#rootPath, path);
        removeQuietly(folder, temporary);
      } catch {
        // The folder is gone, and they with it.
      }
    }
    this.#unfinished.clear();
  }

  get #rootPath(): ByteString {
    return this.#options.root.entry(SELF);
  }

  /** The work, in tree order; folders are made on the way. */
  async *#units(start: RestoreStart): AsyncGenerator<Unit> {
    const { repository } = this.#options;
    let batch = this.#newBatch();
    let entries = 0;
    let bytes = 0;
    for await (const { place, node } of this.#taken(start)) {
      if (this.#links.takes(place, node)) continue;
      const entry: RestoreEntry = { name: place.name, node: neededOf(node) };
      const locations = locateContent(repository, node.content ?? []);
      if (locations === undefined) {
        this.#addProblem('restore/damaged', place.path, 'part of its content is in no pack of the index');
        continue;
      }
      const size = locations.reduce((sum, location) => sum + plainSize(location), 0);
      // It is restored all the same: it may be all that there is.
      if (node.type === 'file' && size !== (node.size ?? 0)) {
        this.#addProblem('restore/damaged', place.path, `its blobs have ${size} bytes, the file ${node.size ?? 0}`);
      }
      if (size > MAX_PART_BYTES) {
        yield* this.#parts(place.folder, place.path, entry, locations, size);
        continue;
      }
      const last = batch.folders.at(-1);
      if (last?.folder === place.folder) last.entries.push(entry);
      else batch.folders.push({ folder: place.folder, entries: [entry] });
      for (const location of locations) batch.content.push(location);
      entries++;
      bytes += size;
      if (entries < MAX_BATCH_ENTRIES && bytes < MAX_BATCH_BYTES) continue;
      yield batch;
      batch = this.#newBatch();
      entries = 0;
      bytes = 0;
    }
    if (batch.folders.length > 0) yield batch;
  }

  #newBatch(): BatchUnit {
    return { kind: 'batch', temporary: this.#nextTemporary(), folders: [], content: [] };
  }

  /** What is selected and not a folder; the folders around it are there when it comes. */
  async *#taken(start: RestoreStart): AsyncGenerator<{ place: ReturnType<typeof placeOf>; node: TreeNode }> {
    const { repository, request, selection } = this.#options;
    const walk = walkFrom(repository, start, {
      signal: request.signal,
      trees: new TreeReader(repository, loadNativeDecompressor()),
      descend: (path) => selection.descends(path),
      onError: (path, error) => this.#addWalkProblem(path, error),
    });
    for await (const { path, node } of walk) {
      const place = placeOf(start, path);
      if (node.type === 'dir') this.#folders.enter(place.path, node);
      if (!selection.takes(path, node)) continue;
      if (node.type === 'dir') this.#folders.make(place.path);
      // A socket means nothing without the program that listens on it.
      else if (node.type === 'socket') continue;
      else if (!RESTORABLE.has(node.type)) this.#addProblem('restore/left-out', place.path, `it is a "${node.type}"`);
      else if (this.#folders.make(place.folder)) yield { place, node };
    }
  }

  *#parts(
    folder: ByteString,
    path: ByteString,
    entry: RestoreEntry,
    locations: readonly LocatedBlob[],
    size: number,
  ): Generator<PartUnit> {
    const temporary = this.#nextTemporary();
    const file: BigFile = { folder, entry, temporary, path, partsLeft: 0, failed: false };
    if (!this.#createBigFile(file, size)) return;
    const units: PartUnit[] = [];
    let offset = 0;
    let partEnd = 0;
    for (const blob of locations) {
      if (offset >= partEnd) {
        units.push({ kind: 'part', file, pieces: [], content: [] });
        partEnd = offset + MAX_PART_BYTES;
      }
      const unit = units.at(-1);
      unit?.pieces.push({ id: blob.id, offset });
      unit?.content.push(blob);
      offset += plainSize(blob);
    }
    file.partsLeft = units.length;
    yield* units;
  }

  #createBigFile(file: BigFile, size: number): boolean {
    try {
      using folder = openFolderBelow(this.#rootPath, file.folder);
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const descriptor = openSync(toBytes(folder.entry(file.temporary)), flags, 0o600);
      this.#unfinished.add(file);
      try {
        ftruncateSync(descriptor, size);
      } finally {
        closeSync(descriptor);
      }
      return true;
    } catch (error) {
      this.#addProblem(
        'restore/unwritable',
        file.path,
        `it could not be written (${errorCode(error) ?? String(error)})`,
      );
      return false;
    }
  }

  async #restoreBatch({ folders, content, temporary }: BatchUnit): Promise<void> {
    const { repository, pool, request } = this.#options;
    const source = planSource(repository, content);
    await fillSource(repository, source, request.signal);
    const places = folders.map(({ folder }) => ({ folder, temporary }));
    for (const place of places) this.#unfinished.add(place);
    const answer = await pool.run('restore-entries', { target: this.target, folders, temporary, source });
    for (const place of places) this.#unfinished.delete(place);
    this.#take(answer);
  }

  async #restorePart({ file, pieces, content }: PartUnit): Promise<void> {
    const { repository, pool, request } = this.#options;
    if (!file.failed) {
      const source = planSource(repository, content);
      await fillSource(repository, source, request.signal);
      const part = { target: this.target, folder: file.folder, name: file.temporary, pieces, source };
      const answer = await pool.run('restore-part', part);
      for (const problem of answer.problems) problem.path = file.path;
      file.failed ||= answer.problems.length > 0;
      this.#take(answer);
    }
    if (--file.partsLeft === 0) this.#finishBigFile(file);
  }

  #finishBigFile(file: BigFile): void {
    try {
      using folder = openFolderBelow(this.#rootPath, file.folder);
      if (file.failed) return removeQuietly(folder, file.temporary);
      const messages = placeFile(this.#loadNative(), folder, file.temporary, file.entry, this.target.owners);
      for (const message of messages) this.#addProblem('restore/metadata', file.path, message);
      this.#unfinished.delete(file);
      this.counts.files++;
    } catch (error) {
      this.#addProblem(
        'restore/unwritable',
        file.path,
        `it could not be put in its place (${errorCode(error) ?? String(error)})`,
      );
    }
  }

  async #makeLinks(): Promise<void> {
    let sliceStart = performance.now();
    for (const { first, later } of this.#links.pending) {
      throwIfAborted(this.#options.request.signal);
      try {
        linkEntry(this.#rootPath, first, later);
        this.counts.files++;
      } catch (error) {
        const code = errorCode(error) ?? String(error);
        this.#addProblem(
          'restore/unwritable',
          later.path,
          `it could not be linked to ${displayPath(first.path)} (${code})`,
        );
      }
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await setImmediate();
      sliceStart = performance.now();
    }
  }

  #take(answer: RestoreAnswer): void {
    this.counts.files += answer.files;
    this.counts.bytes += answer.bytes;
    this.addProblems(answer);
    const { request, selection } = this.#options;
    const { files, bytes } = this.counts;
    const summary = selection.isEverything && request.subPath === undefined ? request.snapshot.summary : undefined;
    const totals = { totalFiles: summary?.total_files_processed, totalBytes: summary?.total_bytes_processed };
    request.progress?.report({ phase: 'restoring', files, bytes, ...totals });
    if (answer.fatal === undefined) return;
    throw new StorageError(`nothing more can be written to ${request.target} (${answer.fatal})`, {
      hint: 'Free space, or give a target on another disk; then run it again with --overwrite.',
    });
  }

  addProblems(answer: RestoreAnswer): void {
    for (const { code, path, message } of answer.problems) this.#addProblem(code, path, message);
  }

  #addProblem(code: string, path: ByteString, message: string): void {
    if (code !== 'restore/metadata') this.failed.add(path);
    const hint = HINTS[code];
    const finding = { code, severity: SEVERITIES[code] ?? 'critical', subject: displayPath(path) || '/', message };
    this.#options.problems.add(hint === undefined ? finding : { ...finding, hint });
  }

  #addWalkProblem(path: ByteString, error: unknown): void {
    if (!(error instanceof HoldfastError) || (error.code !== 'Integrity' && error.code !== 'NotFound')) throw error;
    this.#addProblem('restore/invalid', path, error.message);
  }

  #loadNative(): NativeMetadata {
    return (this.#native ??= loadNativeMetadata());
  }
}
