/** Two folders listed by threads: the same decisions as of two walks, whatever the trees look like. */
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSyncFilter, type SyncFilter } from '../../activities/sync-filter.ts';
import { scanDecisions, type EqualEntries } from '../../activities/sync-scan.ts';
import type { ByteString } from '../../common/byte-string.ts';
import { createDecisions, planSync, type SyncDecision, type SyncRules } from '../../domain/sync-plan.ts';
import { fromText } from '../../files/byte-path.ts';
import type { FileEntry } from '../../files/file-tree.ts';
import { openLocalTree } from '../../files/local-tree.ts';
import { hasMoreEntries } from '../../files/local-walk.ts';
import { sourceSettings } from './workbench.ts';

const SIGNAL = new AbortController().signal;
const RULES: SyncRules<FileEntry> = { mode: 'mirror', checksum: false, owners: true };
let folder: string;
let source: string;
let target: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-scan-'));
  source = join(folder, 'source');
  target = join(folder, 'target');
  await mkdir(source);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function filterOf(exclude: string[] = []): SyncFilter {
  const settings = sourceSettings([source], { exclude });
  const hasLocks = { hasLocks: false, sourceHasLocks: false };
  return createSyncFilter({ settings, directory: source, device: undefined, include: ['**'], ...hasLocks });
}

interface Seen {
  decisions: SyncDecision<FileEntry>[];
  leftOut: string[];
  equal: EqualEntries;
}

async function scan(options: { filter?: SyncFilter; passOver?: boolean; hasTarget?: boolean } = {}): Promise<Seen> {
  const seen: Seen = { decisions: [], leftOut: [], equal: { entries: 0, files: 0, bytes: 0 } };
  const onEqual = ({ entries, files, bytes }: EqualEntries) => {
    seen.equal.entries += entries;
    seen.equal.files += files;
    seen.equal.bytes += bytes;
  };
  const decisions = scanDecisions({
    source: fromText(source),
    target: options.hasTarget === false ? undefined : fromText(target),
    filter: (options.filter ?? filterOf()).settings,
    addedMode: { dir: 0, file: 0 },
    owners: true,
    signal: SIGNAL,
    decide: createDecisions(RULES, (path) => seen.leftOut.some((left) => path === left || path.startsWith(`${left}/`))),
    onLeftOut: (path) => void seen.leftOut.push(path),
    onUnreadable: (_, error) => {
      throw error;
    },
    onEqual: options.passOver === true ? onEqual : undefined,
  });
  for await (const decision of decisions) seen.decisions.push(decision);
  return seen;
}

async function walk(filter = filterOf()): Promise<Omit<Seen, 'equal'>> {
  const seen = { decisions: [] as SyncDecision<FileEntry>[], leftOut: [] as string[] };
  const [from, to] = [openLocalTree(source), openLocalTree(target)];
  const include = (entry: FileEntry) => {
    const included = filter.ofSource(entry);
    if (!included) seen.leftOut.push(entry.path);
    return included;
  };
  const plan = planSync(
    from.walk({ include }),
    to.walk({ include: (entry) => filter.ofTarget(entry) }),
    RULES,
    (path) => seen.leftOut.some((left) => path === left || path.startsWith(`${left}/`)),
  );
  for await (const decision of plan) seen.decisions.push(decision);
  return seen;
}

/** Sizes of folders and links are the file system's own. */
function told(decisions: readonly SyncDecision<FileEntry>[]): unknown[] {
  const entry = (of: FileEntry | undefined) => of && { ...of, sizeBytes: of.type === 'file' ? of.sizeBytes : 0 };
  return decisions.map((decision) => ({
    ...decision,
    source: entry(decision.source),
    target: entry(decision.target),
  }));
}

type Kind = 'file' | 'longer' | 'newer' | 'dir' | 'link' | 'other link' | 'private' | 'fifo' | 'absent';
const KINDS: Kind[] = [
  'file',
  'file',
  'file',
  'dir',
  'dir',
  'longer',
  'newer',
  'link',
  'other link',
  'private',
  'fifo',
  'absent',
];
const PATHS = ['a', 'a/b', 'a/b/c', 'a/d', 'a-b', 'a.b', 'a.b/x', 'ä', 'ä/y', 'z', 'z/\u0001', 'z/z', 'z/z/z', 'b~'];

async function build(root: string, kinds: readonly Kind[]): Promise<void> {
  await mkdir(root, { recursive: true });
  for (const [index, path] of PATHS.entries()) await put(join(root, path), kinds[index]!);
}

async function put(path: string, kind: Kind): Promise<void> {
  if (kind === 'absent') return;
  try {
    if (kind === 'dir') await mkdir(path);
    else if (kind === 'fifo') execFileSync('mkfifo', [path], { stdio: 'ignore' });
    else if (kind === 'link' || kind === 'other link') await symlink(kind, path);
    else await writeFile(path, kind === 'longer' ? 'content and more' : 'content');
  } catch {
    // What it would lie in is no folder.
    return;
  }
  if (kind === 'private') await chmod(path, 0o600);
  if (!kind.endsWith('link')) await utimes(path, 1e9, kind === 'newer' ? 1e9 + 1 : 1e9);
}

test('the decisions are those of two walks, on trees of every shape', async () => {
  const tree = fc.array(fc.constantFrom(...KINDS), { minLength: PATHS.length, maxLength: PATHS.length });
  // Most often the target is the source with some changes.
  const changes = fc.array(fc.tuple(fc.nat(PATHS.length - 1), fc.constantFrom(...KINDS)), { maxLength: 3 });
  const exclude = fc.constantFrom<string[]>([], ['b'], ['*.b']);
  await fc.assert(
    fc.asyncProperty(tree, changes, exclude, async (kinds, changed, patterns) => {
      for (const root of [source, target]) await rm(root, { recursive: true, force: true });
      await build(source, kinds);
      const other = [...kinds];
      for (const [index, kind] of changed) other[index] = kind;
      await build(target, other);
      const filter = filterOf(patterns);
      const wanted = await walk(filter);
      const whole = await scan({ filter });
      expect(told(whole.decisions)).toEqual(told(wanted.decisions));
      expect(whole.leftOut.toSorted()).toEqual(wanted.leftOut.toSorted());
      const passing = await scan({ filter, passOver: true });
      const names = new Set(passing.decisions.map(({ path }) => path));
      const passed = wanted.decisions.filter(({ path }) => !names.has(path));
      expect(told(passing.decisions)).toEqual(told(wanted.decisions.filter(({ path }) => names.has(path))));
      expect(passed.every(({ step }) => step === 'keep')).toBe(true);
      const kept = wanted.decisions.filter(({ step, source: entry }) => step === 'keep' && entry?.type !== 'dir');
      const keptOnes = passing.decisions.filter(({ step, source: entry }) => step === 'keep' && entry?.type !== 'dir');
      expect(passing.equal.files).toBe(kept.length - keptOnes.length);
      const bytes = (list: typeof kept) =>
        list.reduce((sum, { source: entry }) => sum + (entry?.type === 'file' ? entry.sizeBytes : 0), 0);
      expect(passing.equal.bytes).toBe(bytes(kept) - bytes(keptOnes));
    }),
    { seed: 20261125, numRuns: 8 },
  );
}, 60_000);

test('of a deep change the folders above it are told of, and no other', async () => {
  for (const root of [source, target]) {
    for (const path of ['a/b/c/d', 'a/b/e', 'f/g']) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await put(join(root, path), 'file');
    }
    for (const path of ['a', 'a/b', 'a/b/c', 'f']) await utimes(join(root, path), 1e9, 1e9);
  }
  await put(join(source, 'a/b/c/d'), 'longer');
  const { decisions, equal } = await scan({ passOver: true });
  expect(decisions.map(({ step, path }) => `${step} ${path}`)).toEqual([
    'keep a',
    'keep a/b',
    'keep a/b/c',
    'replace a/b/c/d',
  ]);
  // a, f; a/b; a/b/c, a/b/e; f/g.
  expect(equal).toEqual({ entries: 6, files: 2, bytes: 14 });
});

test('a target that is not there is empty, and a root that is not there an error', async () => {
  await put(join(source, 'a'), 'file');
  expect((await scan({ hasTarget: false })).decisions.map(({ step }) => step)).toEqual(['copy']);
  await rm(source, { recursive: true });
  await expect(scan({ hasTarget: false })).rejects.toMatchObject({ code: 'NotFound' });
});

test('more than one message is put together again, and the size of a tree is told from its names', async () => {
  for (let number = 0; number < 60; number++) {
    await mkdir(join(source, `${number}`));
    for (let file = 0; file < 50; file++) await writeFile(join(source, `${number}/${file}`), `${number} ${file}`);
  }
  expect((await scan({ hasTarget: false })).decisions.filter(({ step }) => step === 'copy')).toHaveLength(3000);
  expect([3059, 3060].map((limit) => hasMoreEntries(fromText(source), limit))).toEqual([true, false]);
  expect(hasMoreEntries(`${source}/absent` as ByteString, 0)).toBe(false);
});
