/** One restore under way: compares what is there, hands work to the threads, and makes links and folders. */
import type { ByteString } from '../common/byte-string.ts';
import { forEachConcurrently } from '../common/concurrency.ts';
import { baseName, joinPath, parentPath } from '../files/byte-path.ts';
import { loadNativeMetadata, type NativeMetadata } from '../files/native-metadata.ts';
import { openFolderBelow, type SafeFolder } from '../files/safe-folder.ts';
import { createTemporaryNames } from '../files/temporary-name.ts';
import type { ReaderPool } from './reader-pool.ts';
import type { Repository } from './repository.ts';
import type { RestoreRequest } from './restore.ts';
import { finishBigFile, isInPlace, openBigFile, planParts, type BigFile, type PartUnit } from './restore-big-file.ts';
import { fillSource, type LocatedBlob, planSource } from './restore-blobs.ts';
import { removeQuietly } from './restore-entries.ts';
import { RestoreFolders } from './restore-folders.ts';
import { RestoreLinks } from './restore-links.ts';
import type { PlaceState, RestoreFolderEntries, RestoreProblem, RestoreTarget } from './restore-messages.ts';
import type { OwnerMap } from './restore-owners.ts';
import { RestoreQueue } from './restore-queue.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { RestoreSweep } from './restore-sweep.ts';
import { RestoreUnits, sizeOf, type BatchUnit, type FileUnit } from './restore-units.ts';
import type { RestoreStart } from './restore-walk.ts';

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

const SELF = '' as ByteString;

export class RestoreRun {
  readonly target: RestoreTarget;
  readonly #options: RestoreRunOptions;
  readonly #folders: RestoreFolders;
  readonly #links = new RestoreLinks();
  readonly #units: RestoreUnits;
  readonly #nextTemporary = createTemporaryNames();
  readonly #sweep = new RestoreSweep();
  /** Where temporary names may stand in the target now. */
  readonly #unfinished = new Set<ByteString>();
  #native: NativeMetadata | undefined;

  constructor(options: RestoreRunOptions) {
    this.#options = options;
    const { request, root, owners, report } = options;
    this.target = { descriptor: root?.descriptor ?? -1, owners: owners.isSet, sparse: request.sparse ?? true };
    this.#folders = new RestoreFolders(root, this.#isDry, report);
    this.#units = new RestoreUnits({
      ...options,
      folders: this.#folders,
      links: this.#links,
      nextTemporary: this.#nextTemporary,
      compares: this.#compares,
    });
  }

  /** Folders that were made or found. */
  get directories(): number {
    return this.#folders.count;
  }

  async restore(): Promise<void> {
    const { request, report, root } = this.#options;
    await this.#work(this.#units.all());
    const target = { request, report, root: root?.entry(SELF), compares: this.#compares };
    for (let orphans = this.#links.takeOrphans(target); orphans.length > 0; orphans = this.#links.takeOrphans(target)) {
      await this.#work(this.#units.of(orphans));
    }
    await this.#links.make(target);
  }

  async #work(units: AsyncGenerator<BatchUnit | FileUnit>): Promise<void> {
    const { pool } = this.#options;
    const queue = new RestoreQueue(units, (unit) => this.#openFile(unit));
    try {
      const lanes = Array.from({ length: pool.concurrency }, (_, lane) => lane % pool.threads);
      await forEachConcurrently(lanes, lanes.length, (thread) => this.#workFor(thread, queue));
    } finally {
      await queue.stop();
    }
  }

  async #workFor(thread: number, queue: RestoreQueue): Promise<void> {
    try {
      for (let unit = await queue.next(thread); unit !== undefined; unit = await queue.next(thread)) {
        await (unit.kind === 'batch' ? this.#restoreBatch(unit, thread) : this.#restorePart(unit, thread));
      }
    } catch (error) {
      // Nor do the others begin with anything more.
      void queue.stop();
      throw error;
    }
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

  /** What is to be done for a big file; nothing when it stays as it is, or cannot be made. */
  async #openFile({ place, entry, content, sizeBytes }: FileUnit): Promise<(BatchUnit | PartUnit)[]> {
    const { folder, path } = place;
    const { report } = this.#options;
    const [state] = this.#compares ? await this.#compare([{ folder, entries: [entry] }]) : [];
    if (state?.kind === 'kept' || (state?.kind === 'same' && !state.metadata)) {
      this.#leave(path, sizeBytes, state);
      return [];
    }
    if (state !== undefined) entry.state = state;
    if (state?.kind === 'same') {
      return [{ ...this.#units.newBatch(), folders: [{ folder, entries: [entry] }], contents: [content] }];
    }
    const replaces = state?.kind === 'changed' || state?.kind === 'other';
    const workName = state?.kind === 'changed' ? entry.name : this.#nextTemporary();
    const file: BigFile = { folder, entry, path, sizeBytes, workName, replaces, partsLeft: 0, failed: false };
    if (!isInPlace(file)) this.#unfinished.add(joinPath(folder, workName));
    return openBigFile(this.#rootPath, file, report) ? planParts(file, content) : [];
  }

  async #compare(folders: RestoreFolderEntries[]): Promise<PlaceState[]> {
    const { pool, request } = this.#options;
    const overwrite = request.overwrite ?? 'always';
    const sweep = this.#isDry ? undefined : this.#sweep.of(folders);
    const { states } = await pool.run('compare-entries', { target: this.target, folders, overwrite, sweep });
    return states;
  }

  async #restoreBatch(unit: BatchUnit, thread: number): Promise<void> {
    const { repository, pool, request, report } = this.#options;
    if (this.#compares) await this.#settle(unit);
    if (this.#isDry) return this.#pretend(unit);
    const { folders, temporary } = unit;
    if (folders.length === 0) return;
    const source = planSource(repository, neededContent(unit));
    await fillSource(repository, source, request.signal);
    const places = folders.map(({ folder }) => joinPath(folder, temporary));
    for (const place of places) this.#unfinished.add(place);
    const answer = await pool.run('restore-entries', { target: this.target, folders, temporary, source }, thread);
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

  async #restorePart({ file, pieces, content }: PartUnit, thread: number): Promise<void> {
    const { repository, pool, request, report } = this.#options;
    if (!file.failed && pieces.length > 0) {
      const source = planSource(repository, content);
      await fillSource(repository, source, request.signal);
      const { folder, workName: name } = file;
      const part = { target: this.target, folder, name, inPlace: isInPlace(file), pieces, source };
      const answer = await pool.run('restore-part', part, thread);
      for (const problem of answer.problems) problem.path = file.path;
      file.failed ||= answer.problems.length > 0;
      report.take(answer);
    }
    if (--file.partsLeft > 0) return;
    finishBigFile(this.#loadNative(), this.#rootPath, file, this.target.owners, report);
    this.#unfinished.delete(joinPath(file.folder, file.workName));
  }

  #loadNative(): NativeMetadata {
    return (this.#native ??= loadNativeMetadata());
  }
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
