/** What a sync does with each entry, and why: a merge of source and target in walk order, and the guards over its counts. */
import { compareBytePaths, type ByteString } from '../common/byte-string.ts';
import type { SyncGuards } from './action.ts';

/** What the decision needs of an entry (`FileEntry` has it all). Times are nanoseconds since the epoch. */
export interface SyncEntry {
  /** Relative to the root, `/`-separated. */
  path: ByteString;
  type: string;
  mode: number;
  sizeBytes: number;
  mtimeNs: bigint;
  uid: number;
  gid: number;
  linkTarget?: ByteString;
  /** Of a folder of which nothing else is known: whatever its copy has is right. */
  isImplied?: boolean;
}

/** The kinds that a sync copies; sockets, pipes and devices are left out. */
const COPIED_TYPES: ReadonlySet<string> = new Set(['file', 'dir', 'symlink']);

/**
 * `copy`: new. `replace`: other content. `compare`: equal size, the content decides (checksum mode). `metadata`: equal
 * content, other mode, owner or time. `folder`: make it. `clear`: something else stands where a folder or file must
 * come (mirror only); it goes first. `remove`: the source no longer has it (mirror only). `keep`: nothing to do.
 * `leave`: differs, and stays as it is: copy mode, a special file, or what the source
 * could not show or leaves out.
 */
export type SyncStep = 'copy' | 'replace' | 'compare' | 'metadata' | 'folder' | 'clear' | 'remove' | 'keep' | 'leave';

export interface SyncDecision<Entry extends SyncEntry = SyncEntry> {
  step: SyncStep;
  path: ByteString;
  /** Why, in a few words: `new`, `size 4 → 5`, `not in the source`. */
  reason: string;
  source?: Entry;
  target?: Entry;
  /** Of `leave`: a person should hear of it. */
  notable?: 'special' | 'refused' | 'obstructed' | 'unseen';
}

export interface SyncRules<Entry extends SyncEntry = SyncEntry> {
  mode: 'mirror' | 'copy';
  checksum: boolean;
  /** Owners are compared and kept: only root can. */
  owners: boolean;
  /** Why the target has no place for an entry; undefined: it has. Absent: it has for all. */
  refuses?: (entry: Entry) => string | undefined;
}

/**
 * Merges two walks in the order of `compareBytePaths` and yields a decision for each path that either has, in that
 * order; holds no more than one entry of each. `unseen` is asked for paths that only the target has, after the
 * source's walk has gone past them: true protects the copy of what the source could not show.
 */
export async function* planSync<Entry extends SyncEntry>(
  source: AsyncIterable<Entry>,
  target: AsyncIterable<Entry>,
  rules: SyncRules<Entry>,
  unseen: (path: ByteString) => boolean,
): AsyncGenerator<SyncDecision<Entry>> {
  const sources = source[Symbol.asyncIterator]();
  const targets = target[Symbol.asyncIterator]();
  const decideNext = createDecisions(rules, unseen);
  try {
    let wanted = await sources.next();
    let present = await targets.next();
    while (!wanted.done || !present.done) {
      const order = wanted.done ? 1 : present.done ? -1 : compareBytePaths(wanted.value.path, present.value.path);
      const sourceEntry = order <= 0 && !wanted.done ? wanted.value : undefined;
      const targetEntry = order >= 0 && !present.done ? present.value : undefined;
      yield decideNext(sourceEntry, targetEntry);
      if (sourceEntry !== undefined) wanted = await sources.next();
      if (targetEntry !== undefined) present = await targets.next();
    }
  } finally {
    await Promise.all([sources.return?.(), targets.return?.()]);
  }
}

/**
 * Decides on one path after the other, in walk order, of which `source`, `target` or both have an entry: what `planSync`
 * does where the walks are already merged.
 */
export function createDecisions<Entry extends SyncEntry>(
  rules: SyncRules<Entry>,
  unseen: (path: ByteString) => boolean,
): (source: Entry | undefined, target: Entry | undefined) => SyncDecision<Entry> {
  const obstructed: { path?: ByteString } = {};
  return (source, target) => withObstruction(decide(source, target, rules, unseen), obstructed);
}

/** What lies below a folder that could not be made (the target has no place for it, or copy mode a file in its way) is left out too. */
function withObstruction<Entry extends SyncEntry>(
  decision: SyncDecision<Entry>,
  obstructed: { path?: ByteString },
): SyncDecision<Entry> {
  const { path } = decision;
  if (obstructed.path !== undefined && path.startsWith(`${obstructed.path}/`) && decision.source !== undefined) {
    return { ...decision, step: 'leave', reason: 'its folder could not be made' };
  }
  const { notable, source } = decision;
  if ((notable === 'obstructed' || notable === 'refused') && source?.type === 'dir') obstructed.path = path;
  return decision;
}

function decide<Entry extends SyncEntry>(
  source: Entry | undefined,
  target: Entry | undefined,
  rules: SyncRules<Entry>,
  unseen: (path: ByteString) => boolean,
): SyncDecision<Entry> {
  if (source === undefined) return decideOnExtra(target!, rules, unseen);
  const pair = { path: source.path, source, ...(target === undefined ? {} : { target }) };
  if (!COPIED_TYPES.has(source.type)) {
    return { ...pair, step: 'leave', reason: `a ${source.type} is not copied`, notable: 'special' };
  }
  const refusal = rules.refuses?.(source);
  if (refusal !== undefined) return { ...pair, step: 'leave', reason: refusal, notable: 'refused' };
  if (target === undefined) {
    return { ...pair, step: source.type === 'dir' ? 'folder' : 'copy', reason: 'new' };
  }
  if (source.type !== target.type) return decideOnTypes(source, target, rules);
  return { ...pair, ...compareEntries(source, target, rules) };
}

function decideOnExtra<Entry extends SyncEntry>(
  target: Entry,
  rules: SyncRules<Entry>,
  unseen: (path: ByteString) => boolean,
): SyncDecision<Entry> {
  const pair = { path: target.path, target };
  if (unseen(target.path)) {
    return { ...pair, step: 'leave', reason: 'not seen in the source', notable: 'unseen' };
  }
  if (rules.mode === 'copy') return { ...pair, step: 'keep', reason: 'only in the target' };
  return { ...pair, step: 'remove', reason: 'not in the source' };
}

function decideOnTypes<Entry extends SyncEntry>(
  source: Entry,
  target: Entry,
  rules: Pick<SyncRules, 'mode'>,
): SyncDecision<Entry> {
  const pair = { path: source.path, source, target };
  const reason = `${target.type} → ${source.type}`;
  // A file and a link replace each other atomically; a folder needs its place empty.
  if (source.type !== 'dir' && target.type !== 'dir') return { ...pair, step: 'replace', reason };
  if (rules.mode === 'mirror') return { ...pair, step: 'clear', reason };
  return { ...pair, step: 'leave', reason: `${reason}, and copy mode removes nothing`, notable: 'obstructed' };
}

function compareEntries(
  source: SyncEntry,
  target: SyncEntry,
  rules: Pick<SyncRules, 'checksum' | 'owners'>,
): { step: SyncStep; reason: string } {
  if (source.type === 'symlink' && source.linkTarget !== target.linkTarget) {
    return { step: 'replace', reason: 'another link target' };
  }
  if (source.type === 'file') {
    if (source.sizeBytes !== target.sizeBytes) {
      const reason = target.sizeBytes < 0 ? 'a damaged copy' : `size ${target.sizeBytes} → ${source.sizeBytes}`;
      return { step: 'replace', reason };
    }
    if (rules.checksum) return { step: 'compare', reason: 'equal size' };
    if (source.mtimeNs !== target.mtimeNs) return { step: 'replace', reason: 'another modification time' };
  }
  const difference = metadataDifference(source, target, rules.owners);
  return difference === undefined ? { step: 'keep', reason: 'equal' } : { step: 'metadata', reason: difference };
}

/** What of mode, owner and time differs, in words; undefined: nothing. Links have no mode of their own. */
export function metadataDifference(source: SyncEntry, target: SyncEntry, owners: boolean): string | undefined {
  if (source.isImplied === true) return undefined;
  if (source.type !== 'symlink' && source.mode !== target.mode) {
    return `mode ${target.mode.toString(8)} → ${source.mode.toString(8)}`;
  }
  if (owners && (source.uid !== target.uid || source.gid !== target.gid)) {
    return `owner ${target.uid}:${target.gid} → ${source.uid}:${source.gid}`;
  }
  return source.mtimeNs === target.mtimeNs ? undefined : 'another modification time';
}

/** Counts of one plan, over all its directories. Removals count what is no folder; so does `targetFiles`. */
export interface SyncCounts {
  sourceEntries: number;
  targetFiles: number;
  removals: number;
}

export interface GuardRefusal {
  guard: 'emptySource' | 'maxDelete';
  /** One sentence. */
  message: string;
}

/**
 * Whether a guard refuses the plan; `accept` holds the guards the operator accepts for this one run. A source without
 * entries is refused when the target has files; `maxDelete` when the share and the number are both exceeded.
 */
export function checkSyncGuards(
  counts: SyncCounts,
  guards: SyncGuards,
  accept: readonly string[] = [],
): GuardRefusal | undefined {
  if (counts.sourceEntries === 0 && counts.targetFiles > 0) {
    if (guards.emptySource === 'refuse' && !accept.includes('emptySource')) {
      return {
        guard: 'emptySource',
        message: `the source is empty, and the target has ${counts.targetFiles} files`,
      };
    }
  }
  const { share, files } = guards.maxDelete;
  if (counts.removals > share * counts.targetFiles && counts.removals > files && !accept.includes('maxDelete')) {
    const percent = Math.round((100 * counts.removals) / counts.targetFiles);
    return {
      guard: 'maxDelete',
      message: `the run would remove ${counts.removals} of ${counts.targetFiles} files (${percent} %)`,
    };
  }
  return undefined;
}
