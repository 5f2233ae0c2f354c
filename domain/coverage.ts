/** What of a tree no policy protects: told while it is walked, each part at its highest folder. */
import type { ByteString } from '../common/byte-string.ts';
import { databaseOf, isDatabaseSign, type DatabaseKind } from './database-folder.ts';

/** A folder that a policy backs up or syncs. */
export interface CoverageSource {
  policy: string;
  /** Absolute. */
  directory: ByteString;
  /** Entries of another device are left out; absent: none are. */
  device?: bigint;
  /** Some of it may be left out: else nothing in it needs to be looked at. */
  leavesOut: boolean;
  /** Whether this folder of it is left out, with all below. */
  excludes(path: ByteString): boolean;
  /** Something that is surely left out may lie below, however deep. */
  mayExcludeBelow(path: ByteString): boolean;
}

/** `excluded`: within a source, and left out on purpose. `partial`: a folder that is not protected, above one that is. */
export type CoverageState = 'unprotected' | 'excluded' | 'partial' | 'ignored';

export interface CoverageItem {
  state: CoverageState;
  /** `files`: those directly in a folder of which other parts are protected. */
  kind: 'folder' | 'files' | 'database' | 'volume';
  path: ByteString;
  database?: DatabaseKind;
  /** Of `excluded`: who leaves it out; of `partial`: who protects parts of it. */
  policies: string[];
  /** Of `ignored`, and where it is not what one expects. */
  why?: string;
  sizeBytes: number;
  files: number;
  /** Of what was counted; absent: there are no files. */
  newestChangeNs?: bigint;
  /** Not everything in it was counted. */
  isAtLeast: boolean;
}

export interface CoverageGround {
  sources: readonly CoverageSource[];
  /** Why a folder never needs protection; undefined: it may. */
  whyIgnored(path: ByteString): string | undefined;
  /** Whether a file of a size that an SQLite database may have is one. */
  isSqlite(path: ByteString): boolean;
}

export interface CoverageLimits {
  /** So many entries are counted; of more only the folders are told that lead to sources. */
  entries: number;
  /** Levels below the root that are counted and searched; absent: all. */
  depth?: number;
  /** Levels below a source in which folders that it leaves out are searched. */
  sourceDepth: number;
}

export interface SurveyedEntry {
  path: ByteString;
  type: 'dir' | 'file' | 'other';
  sizeBytes: number;
  mtimeNs: bigint;
  device: bigint;
}

interface Sums {
  sizeBytes: number;
  files: number;
  newestChangeNs?: bigint;
  isAtLeast: boolean;
}

/** A folder that the walk is in. */
interface Frame {
  path: ByteString;
  level: number;
  /** Those that protect it; none: it is not protected. */
  active: readonly CoverageSource[];
  /** Of what is not protected although a source is above it. */
  excludedBy: readonly string[];
  /** Not protected, and nothing below it is. */
  isOpen: boolean;
  sums: Sums;
  /** What is told of this folder as a whole. */
  items: CoverageItem[];
  /** Its sums are none of the folder's above. */
  isTop: boolean;
  signs: Set<string>;
  /** Levels below the nearest source. */
  sourceLevel: number;
}

const VOLUME = /\/(?:docker|containers\/storage)\/volumes\/[^/]+\/_data$/;
const SQLITE_PAGE = 512;

/** Takes the entries of a walk in its order: each folder, then what is in it. */
export class CoverageSurvey {
  readonly #ground: CoverageGround;
  readonly #limits: CoverageLimits;
  readonly #items: CoverageItem[] = [];
  readonly #frames: Frame[] = [];
  #counted = 0;
  /** false: all of it is protected, and nothing in it needs to be looked at. */
  readonly isWorthLooking: boolean;

  /** @param root Absolute; what it is in never makes it ignored, since somebody asks for it. */
  constructor(root: ByteString, device: bigint, ground: CoverageGround, limits: CoverageLimits) {
    this.#ground = ground;
    this.#limits = limits;
    const above = ground.sources.filter(
      (source) => isBelow(root, source.directory) && !excludesOnWay(source, root, device),
    );
    const excluders = ground.sources.filter((source) => isBelow(root, source.directory) && !above.includes(source));
    this.isWorthLooking = this.#enter(root, device, {
      level: -1,
      active: above,
      excludedBy: namesOf(excluders),
      isOpen: false,
      sourceLevel: 0,
    });
  }

  /** false: nothing below it needs to be looked at. */
  visit(entry: SurveyedEntry): boolean {
    this.#leaveTo(entry.path);
    const parent = this.#frames.at(-1)!;
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1);
    if (isDatabaseSign(name)) this.#noteSign(parent, name);
    if (entry.type === 'dir') return this.#enter(entry.path, entry.device, parent);
    if (entry.type === 'file' && parent.active.length === 0) this.#count(entry, parent);
    return false;
  }

  /** Everything that was found, in the order of the walk. */
  finish(): CoverageItem[] {
    while (this.#frames.length > 0) this.#leave();
    return this.#items.filter(
      ({ state, files, isAtLeast }) => state === 'partial' || state === 'ignored' || files > 0 || isAtLeast,
    );
  }

  /** Whether to look into it. */
  #enter(
    path: ByteString,
    device: bigint,
    parent: Pick<Frame, 'level' | 'active' | 'excludedBy' | 'isOpen' | 'sourceLevel'>,
  ): boolean {
    const { sources } = this.#ground;
    const level = parent.level + 1;
    const own = sources.filter(({ directory }) => directory === path);
    const kept = parent.active.filter((source) => !source.excludes(path) && !isElsewhere(source, device));
    const active = [...kept, ...own];
    if (active.length === 0 && level > 0) {
      const why = this.#ground.whyIgnored(path);
      if (why !== undefined) {
        this.#items.push(newItem('ignored', 'folder', path, { why }));
        return false;
      }
    }
    const frame: Frame = {
      path,
      level,
      active,
      excludedBy: parent.excludedBy,
      isOpen: false,
      sums: { sizeBytes: 0, files: 0, isAtLeast: false },
      items: [],
      isTop: true,
      signs: new Set(),
      sourceLevel: own.length > 0 ? 0 : parent.sourceLevel + 1,
    };
    this.#frames.push(frame);
    if (active.length > 0) {
      frame.excludedBy = [];
      if (active.some(({ leavesOut }) => !leavesOut)) return false;
      return frame.sourceLevel < this.#limits.sourceDepth || active.some((source) => source.mayExcludeBelow(path));
    }
    const elsewhere = parent.active.filter((source) => isElsewhere(source, device));
    if (parent.active.length > elsewhere.length)
      frame.excludedBy = namesOf(parent.active.filter((source) => !elsewhere.includes(source)));
    const below = sources.filter(({ directory }) => isBelow(directory, path));
    if (below.length > 0) {
      this.#items.push(newItem('partial', 'folder', path, { policies: namesOf(below) }));
      return true;
    }
    frame.isOpen = true;
    frame.isTop = !parent.isOpen;
    const isOther = elsewhere.length > 0 && frame.excludedBy.length === 0;
    const why = isOther ? { why: `another file system than the source of ${namesOf(elsewhere).join(', ')}` } : {};
    if (frame.isTop) this.#tell(frame, 'folder', why);
    if (VOLUME.test(path)) this.#tell(frame, 'volume', {});
    return this.#mayCount(frame);
  }

  #mayCount(frame: Frame): boolean {
    const { depth = Infinity, entries } = this.#limits;
    const may = this.#counted < entries && frame.level < depth;
    if (!may) frame.sums.isAtLeast = true;
    return may;
  }

  #tell(frame: Frame, kind: CoverageItem['kind'], more: Partial<CoverageItem>): void {
    const state = frame.excludedBy.length > 0 ? 'excluded' : 'unprotected';
    const item = newItem(state, kind, frame.path, { policies: [...frame.excludedBy], ...more });
    frame.items.push(item);
    this.#items.push(item);
  }

  #count(entry: SurveyedEntry, parent: Frame): void {
    if (this.#ground.sources.some(({ directory }) => directory === entry.path)) return;
    this.#counted++;
    add(parent.sums, { sizeBytes: entry.sizeBytes, files: 1, newestChangeNs: entry.mtimeNs, isAtLeast: false });
    // Every page of such a database has 512 bytes or a multiple of it.
    if (entry.sizeBytes <= 0 || entry.sizeBytes % SQLITE_PAGE !== 0 || !this.#ground.isSqlite(entry.path)) return;
    this.#items.push(
      newItem('unprotected', 'database', entry.path, {
        database: 'SQLite',
        policies: [...parent.excludedBy],
        ...(parent.excludedBy.length === 0 ? {} : { why: `left out by ${parent.excludedBy.join(', ')}` }),
        sizeBytes: entry.sizeBytes,
        files: 1,
        newestChangeNs: entry.mtimeNs,
      }),
    );
  }

  #noteSign(frame: Frame, name: string): void {
    frame.signs.add(name);
    if (frame.active.length > 0 || frame.items.some(({ kind }) => kind === 'database')) return;
    const database = databaseOf(frame.signs);
    if (database === undefined) return;
    const why = frame.excludedBy.length === 0 ? {} : { why: `left out by ${frame.excludedBy.join(', ')}` };
    const item = newItem('unprotected', 'database', frame.path, { database, policies: [...frame.excludedBy], ...why });
    frame.items.push(item);
    this.#items.push(item);
  }

  #leaveTo(path: ByteString): void {
    while (this.#frames.length > 1 && !isBelow(path, this.#frames.at(-1)!.path)) this.#leave();
  }

  #leave(): void {
    const frame = this.#frames.pop()!;
    // Of a folder above sources: what lies in it beside the folders.
    if (!frame.isOpen && frame.active.length === 0 && frame.sums.files > 0) this.#tell(frame, 'files', {});
    for (const item of frame.items) Object.assign(item, frame.sums);
    const parent = this.#frames.at(-1);
    if (!frame.isTop && parent !== undefined) add(parent.sums, frame.sums);
  }
}

/** Whether something needs attention: what is left out on purpose does only when asked for. */
export function needsProtection({ state, kind }: CoverageItem, isStrict: boolean): boolean {
  return state === 'unprotected' || (isStrict && state === 'excluded' && kind !== 'files');
}

function newItem(
  state: CoverageState,
  kind: CoverageItem['kind'],
  path: ByteString,
  more: Partial<CoverageItem>,
): CoverageItem {
  return { state, kind, path, policies: [], sizeBytes: 0, files: 0, isAtLeast: false, ...more };
}

function add(sums: Sums, more: Sums): void {
  sums.sizeBytes += more.sizeBytes;
  sums.files += more.files;
  sums.isAtLeast ||= more.isAtLeast;
  const { newestChangeNs } = more;
  if (newestChangeNs !== undefined && (sums.newestChangeNs === undefined || newestChangeNs > sums.newestChangeNs))
    sums.newestChangeNs = newestChangeNs;
}

function namesOf(sources: readonly CoverageSource[]): string[] {
  return [...new Set(sources.map(({ policy }) => policy))];
}

function isElsewhere({ device }: CoverageSource, actual: bigint): boolean {
  return device !== undefined && device !== actual;
}

/** Whether a source leaves out the path, or a folder on the way to it. */
function excludesOnWay(source: CoverageSource, path: ByteString, device: bigint): boolean {
  if (isElsewhere(source, device)) return true;
  for (let end = source.directory.length + 1; end <= path.length; end++)
    if ((end === path.length || path[end] === '/') && source.excludes(path.slice(0, end) as ByteString)) return true;
  return false;
}

/** Strictly. */
function isBelow(path: ByteString, folder: ByteString): boolean {
  return folder === '/' ? path !== '/' : path.startsWith(`${folder}/`);
}
