/** One restore under way: walks the snapshot, compares what is there, hands work to the threads, and makes links and folders. */
import { lstatSync, type BigIntStats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { throwIfAborted } from '../common/errors.ts';
import { baseName, displayPath, joinPath, parentPath, toBytes } from '../files/byte-path.ts';
import { errorCode } from '../files/file-errors.ts';
import { loadNativeMetadata, type NativeMetadata } from '../files/native-metadata.ts';
import { openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { createTemporaryNames } from '../files/temporary-name.ts';
import { isKept } from './compare-entries.ts';
import { loadNativeCtr } from './native-cipher.ts';
import { loadNativeDecompressor } from './native-zstd.ts';
import { plainSize } from './plain-size.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { RestoreRequest } from './restore.ts';
import {
  finishBigFile,
  isInPlace,
  MAX_PART_BYTES,
  openBigFile,
  planParts,
  type BigFile,
  type PartUnit,
} from './restore-big-file.ts';
import { fillSource, type LocatedBlob, locateContent, planSource } from './restore-blobs.ts';
import { removeQuietly } from './restore-entries.ts';
import { RestoreFolders } from './restore-folders.ts';
import { linkEntry, RestoreLinks, type LinkPlace } from './restore-links.ts';
import type {
  PlaceState,
  RestoredNode,
  RestoreEntry,
  RestoreFolderEntries,
  RestoreProblem,
  RestoreTarget,
} from './restore-messages.ts';
import type { OwnerMap } from './restore-owners.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { RestoreSweep } from './restore-sweep.ts';
import { placeOf, walkFrom, type RestoreStart } from './restore-walk.ts';
import type { TreeNode } from './tree-node.ts';
import { TreeReader } from './tree-reader.ts';

export interface RestoreRunOptions {
  repository: Repository;
  request: RestoreRequest;
  selection: RestoreSelection;
  pool: ReaderPool;
  start: RestoreStart;
  /** Absent in a dry run into a folder that is not there. */
  root: SafeFolder | undefined;
  /** Nothing is in the target yet, so that nothing has to be looked at. */
  fresh: boolean;
  owners: OwnerMap;
  report: RestoreReport;
}

/** A batch is done in some milliseconds, and needs little memory. */
const MAX_BATCH_ENTRIES = 128;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** Links are made in a row no longer than this before others get their turn. */
const SLICE_MS = 5;

const SELF = '' as ByteString;
const RESTORABLE = new Set(['file', 'symlink', 'fifo', 'dev', 'chardev']);

/** Entries of some folders, restored together. */
interface BatchUnit {
  kind: 'batch';
  temporary: ByteString;
  folders: RestoreFolderEntries[];
  /** Of each entry, in the order of the folders. */
  contents: LocatedBlob[][];
}

type Unit = BatchUnit | PartUnit;

export class RestoreRun {
  readonly target: RestoreTarget;
  readonly #options: RestoreRunOptions;
  readonly #folders: RestoreFolders;
  readonly #links = new RestoreLinks();
  readonly #nextTemporary = createTemporaryNames();
  readonly #sweep = new RestoreSweep(this.#nextTemporary());
  /** Where temporary names may stand in the target now. */
  readonly #unfinished = new Set<ByteString>();
  #native: NativeMetadata | undefined;

  constructor(options: RestoreRunOptions) {
    this.#options = options;
    const { request, root, owners, report } = options;
    this.target = { descriptor: root?.descriptor ?? -1, owners: owners.isSet, sparse: request.sparse ?? true };
    this.#folders = new RestoreFolders(root, this.#isDry, report);
  }

  /** Folders that were made or found. */
  get directories(): number {
    return this.#folders.count;
  }

  async restore(): Promise<void> {
    const { pool } = this.#options;
    await forEachConcurrently(this.#units(), pool.concurrency, (unit) =>
      unit.kind === 'batch' ? this.#restoreBatch(unit) : this.#restorePart(unit),
    );
    await this.#makeLinks();
  }

  /** The folders' metadata, when nothing in them changes any more. */
  async finish(): Promise<void> {
    const { request } = this.#options;
    if (!this.#isDry) await this.#folders.finish(this.#loadNative(), this.target.owners, request.signal);
  }

  /** Removes what an interruption left under temporary names, as far as it can be reached, and lets go of the folders. */
  removeUnfinished(): void {
    this.#folders[Symbol.dispose]();
    for (const path of this.#unfinished) {
      try {
        using folder = openFolderBelow(this.#rootPath, parentPath(path));
        removeQuietly(folder, baseName(path));
      } catch {
        // The folder is gone, and they with it.
      }
    }
    this.#unfinished.clear();
  }

  get #isDry(): boolean {
    return this.#options.request.dryRun === true;
  }

  get #compares(): boolean {
    return this.#options.root !== undefined && !this.#options.fresh;
  }

  get #rootPath(): ByteString {
    return this.#options.root!.entry(SELF);
  }

  /** The work, in tree order; folders are made on the way. */
  async *#units(): AsyncGenerator<Unit> {
    const { repository, report } = this.#options;
    let batch = this.#newBatch();
    let bytes = 0;
    for await (const { place, node } of this.#taken()) {
      if (this.#links.takes(place, node)) continue;
      const entry: RestoreEntry = { name: place.name, node: this.#neededOf(node) };
      const locations = locateContent(repository, node.content ?? []);
      if (locations === undefined) {
        report.addProblem('restore/damaged', place.path, 'part of its content is in no pack of the index');
        continue;
      }
      const size = sizeOf(locations);
      // It is restored all the same: it may be all that there is.
      if (node.type === 'file' && size !== (node.size ?? 0)) {
        report.addProblem('restore/damaged', place.path, `its blobs have ${size} bytes, the file ${node.size ?? 0}`);
      }
      if (this.#compares) entry.sizes = locations.map((blob) => plainSize(blob));
      if (size > MAX_PART_BYTES && !this.#isDry) {
        yield* await this.#bigFile(place, entry, locations, size);
        continue;
      }
      const last = batch.folders.at(-1);
      if (last?.folder === place.folder) last.entries.push(entry);
      else batch.folders.push({ folder: place.folder, entries: [entry] });
      batch.contents.push(locations);
      bytes += size;
      if (batch.contents.length < MAX_BATCH_ENTRIES && bytes < MAX_BATCH_BYTES) continue;
      yield batch;
      batch = this.#newBatch();
      bytes = 0;
    }
    if (batch.folders.length > 0) yield batch;
  }

  #newBatch(): BatchUnit {
    return { kind: 'batch', temporary: this.#nextTemporary(), folders: [], contents: [] };
  }

  /** What is selected and not a folder; the folders around it are there when it comes. */
  async *#taken(): AsyncGenerator<{ place: LinkPlace; node: TreeNode }> {
    const { repository, request, selection, start, report, owners } = this.#options;
    const walk = walkFrom(repository, start, {
      signal: request.signal,
      trees: new TreeReader(repository, loadNativeDecompressor(), loadNativeCtr(repository.key.encrypt)),
      descend: (path) => selection.descends(path),
      onError: (path, error) => report.addWalkProblem(path, error),
    });
    for await (const { path, node } of walk) {
      const place = placeOf(start, path);
      if (node.type === 'dir') this.#folders.enter(place.path, owners.mapped(node));
      if (!selection.takes(path, node)) continue;
      if (node.type === 'dir') this.#folders.make(place.path);
      // A socket means nothing without the program that listens on it.
      else if (node.type === 'socket') continue;
      else if (!RESTORABLE.has(node.type)) report.addProblem('restore/left-out', place.path, `it is a "${node.type}"`);
      else if (this.#folders.make(place.folder)) yield { place, node };
    }
  }

  /** What a thread must know of a node: the rest would only cost its way there. */
  #neededOf(node: TreeNode): RestoredNode {
    const { type, mtime, atime, content } = node;
    const { uid, gid } = this.#options.owners.mapped(node);
    const needed: RestoredNode = { type, mtime, atime, uid, gid, content };
    if (node.mode !== undefined) needed.mode = node.mode;
    if (node.linktarget !== undefined) needed.linktarget = node.linktarget;
    if (node.extended_attributes !== undefined) needed.extended_attributes = node.extended_attributes;
    if (node.device !== undefined) needed.device = node.device;
    return needed;
  }

  async #bigFile(
    { folder, path }: LinkPlace,
    entry: RestoreEntry,
    locations: readonly LocatedBlob[],
    sizeBytes: number,
  ): Promise<Unit[]> {
    const { report } = this.#options;
    const [state] = this.#compares ? await this.#compare([{ folder, entries: [entry] }]) : [];
    if (state?.kind === 'kept' || (state?.kind === 'same' && !state.metadata)) {
      this.#leave(path, sizeBytes, state);
      return [];
    }
    if (state !== undefined) entry.state = state;
    if (state?.kind === 'same') {
      const batch = this.#newBatch();
      return [{ ...batch, folders: [{ folder, entries: [entry] }], contents: [[...locations]] }];
    }
    const replaces = state?.kind === 'changed' || state?.kind === 'other';
    const workName = state?.kind === 'changed' ? entry.name : this.#nextTemporary();
    const file: BigFile = { folder, entry, path, sizeBytes, workName, replaces, partsLeft: 0, failed: false };
    if (!isInPlace(file)) this.#unfinished.add(joinPath(folder, workName));
    return openBigFile(this.#rootPath, file, report) ? planParts(file, locations) : [];
  }

  async #compare(folders: RestoreFolderEntries[]): Promise<PlaceState[]> {
    const { pool, request } = this.#options;
    const overwrite = request.overwrite ?? 'always';
    const sweep = this.#isDry ? undefined : this.#sweep.of(folders);
    const { states } = await pool.run('compare-entries', { target: this.target, folders, overwrite, sweep });
    return states;
  }

  async #restoreBatch(unit: BatchUnit): Promise<void> {
    const { repository, pool, request, report } = this.#options;
    if (this.#compares) await this.#settle(unit);
    if (this.#isDry) return this.#pretend(unit);
    const { folders, temporary } = unit;
    if (folders.length === 0) return;
    const source = planSource(repository, neededContent(unit));
    await fillSource(repository, source, request.signal);
    const places = folders.map(({ folder }) => joinPath(folder, temporary));
    for (const place of places) this.#unfinished.add(place);
    const answer = await pool.run('restore-entries', { target: this.target, folders, temporary, source });
    for (const place of places) this.#unfinished.delete(place);
    this.#tellBatch(unit, answer.problems);
    report.take(answer);
  }

  /** Looks at the places of the entries, and takes out what need not be touched. */
  async #settle(unit: BatchUnit): Promise<void> {
    const { report } = this.#options;
    const states = await this.#compare(unit.folders);
    const contents: LocatedBlob[][] = [];
    let index = 0;
    for (const folder of unit.folders) {
      folder.entries = folder.entries.filter((entry) => {
        const content = unit.contents[index] ?? [];
        const state = states[index++] ?? { kind: 'absent' };
        if (state.kind === 'kept' || (state.kind === 'same' && (!state.metadata || this.#isDry))) {
          this.#leave(joinPath(folder.folder, entry.name), sizeOf(content), state);
          return false;
        }
        if (state.kind !== 'absent') entry.state = state;
        contents.push(content);
        return true;
      });
    }
    unit.folders = unit.folders.filter(({ entries }) => entries.length > 0);
    unit.contents = contents;
    report.progress();
  }

  #leave(path: ByteString, sizeBytes: number, state: PlaceState): void {
    const { report } = this.#options;
    if (state.kind === 'kept') report.exempt.add(path);
    report.unchanged(path, sizeBytes);
  }

  #pretend(unit: BatchUnit): void {
    const { report } = this.#options;
    report.take({ files: unit.contents.length, bytes: sizeOf(neededContent(unit)), problems: [] });
    this.#tellBatch(unit, []);
  }

  /** Says what became of the entries, but for those of which a problem is told. */
  #tellBatch({ folders, contents }: BatchUnit, problems: readonly RestoreProblem[]): void {
    const { report } = this.#options;
    if (!this.#compares && !report.tellsEntries) return;
    const failed = new Set(problems.filter(({ code }) => code !== 'restore/metadata').map(({ path }) => path));
    let index = 0;
    for (const { folder, entries } of folders) {
      for (const { name, state } of entries) {
        const path = joinPath(folder, name);
        const size = sizeOf(contents[index++] ?? []);
        if (failed.has(path) || failed.has(folder)) continue;
        if (state?.kind === 'same') report.unchanged(path, size);
        else {
          if (state !== undefined) report.counts.updated++;
          report.tell(state === undefined ? 'restored' : 'updated', path, size);
        }
      }
    }
  }

  async #restorePart({ file, pieces, content }: PartUnit): Promise<void> {
    const { repository, pool, request, report } = this.#options;
    if (!file.failed && pieces.length > 0) {
      const source = planSource(repository, content);
      await fillSource(repository, source, request.signal);
      const { folder, workName: name } = file;
      const part = { target: this.target, folder, name, inPlace: isInPlace(file), pieces, source };
      const answer = await pool.run('restore-part', part);
      for (const problem of answer.problems) problem.path = file.path;
      file.failed ||= answer.problems.length > 0;
      report.take(answer);
    }
    if (--file.partsLeft > 0) return;
    finishBigFile(this.#loadNative(), this.#rootPath, file, this.target.owners, report);
    this.#unfinished.delete(joinPath(file.folder, file.workName));
  }

  async #makeLinks(): Promise<void> {
    const { request, report } = this.#options;
    let sliceStart = performance.now();
    for (const { first, later, node } of this.#links.pending) {
      throwIfAborted(request.signal);
      try {
        this.#makeLink(first, later, node);
      } catch (error) {
        const code = errorCode(error) ?? String(error);
        const message = `it could not be linked to ${displayPath(first.path)} (${code})`;
        report.addProblem('restore/unwritable', later.path, message);
      }
      if (performance.now() - sliceStart < SLICE_MS) continue;
      await setImmediate();
      sliceStart = performance.now();
    }
  }

  #makeLink(first: LinkPlace, later: LinkPlace, node: TreeNode): void {
    const { request, report } = this.#options;
    const there = this.#compares ? this.#statOf(later) : undefined;
    if (there !== undefined) {
      const kept = isKept(request.overwrite ?? 'always', there, { node });
      const same = !kept && this.#statOf(first)?.ino === there.ino;
      if (kept) report.exempt.add(later.path);
      if (kept || same) return report.unchanged(later.path, 0);
      report.counts.updated++;
    }
    if (!this.#isDry) linkEntry(this.#rootPath, first, later);
    report.counts.files++;
    report.tell(there === undefined ? 'restored' : 'updated', later.path, 0);
  }

  #statOf({ folder: path, name }: LinkPlace): BigIntStats | undefined {
    try {
      using folder = openFolderBelow(this.#rootPath, path);
      return lstatSync(toBytes(folder.entry(name)), { bigint: true });
    } catch {
      return undefined;
    }
  }

  #loadNative(): NativeMetadata {
    return (this.#native ??= loadNativeMetadata());
  }
}

function sizeOf(content: readonly LocatedBlob[]): number {
  return content.reduce((sum, blob) => sum + plainSize(blob), 0);
}

/** Without what is in its place already. */
function neededContent({ folders, contents }: BatchUnit): LocatedBlob[] {
  const entries = folders.flatMap((folder) => folder.entries);
  return contents.flatMap((content, index) => {
    const state = entries[index]?.state;
    if (state?.kind === 'same') return [];
    return state?.kind === 'changed' ? state.missing.map((number) => content[number]!) : content;
  });
}
