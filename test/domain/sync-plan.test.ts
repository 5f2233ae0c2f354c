import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytePaths, type ByteString } from '../../common/byte-string.ts';
import {
  checkSyncGuards,
  planSync,
  type SyncDecision,
  type SyncEntry,
  type SyncRules,
} from '../../domain/sync-plan.ts';

const rules: SyncRules = { mode: 'mirror', checksum: false, owners: true };

function entry(path: string, changes: Partial<SyncEntry> = {}): SyncEntry {
  return {
    path: path as ByteString,
    type: 'file',
    mode: 0o644,
    sizeBytes: 5,
    mtimeNs: 1n,
    uid: 0,
    gid: 0,
    ...changes,
  };
}

async function* walk(entries: SyncEntry[]): AsyncGenerator<SyncEntry> {
  yield* entries.toSorted((a, b) => compareBytePaths(a.path, b.path));
}

async function plan(
  source: SyncEntry[],
  target: SyncEntry[],
  changes: Partial<SyncRules> = {},
  unreadable: (path: ByteString) => boolean = () => false,
): Promise<SyncDecision[]> {
  const decisions: SyncDecision[] = [];
  for await (const decision of planSync(walk(source), walk(target), { ...rules, ...changes }, unreadable)) {
    decisions.push(decision);
  }
  return decisions;
}

const steps = (decisions: SyncDecision[]) => decisions.map(({ path, step }) => `${step} ${path}`);

test('each kind of difference has its own step, with a reason', async () => {
  const source = [
    entry('dir', { type: 'dir' }),
    entry('dir/new'),
    entry('equal'),
    entry('grown', { sizeBytes: 6 }),
    entry('link', { type: 'symlink', linkTarget: 'b' as ByteString }),
    entry('mode', { mode: 0o600 }),
    entry('owner', { uid: 7 }),
    entry('pipe', { type: 'fifo' }),
    entry('touched', { mtimeNs: 2n }),
  ];
  const target = [
    entry('equal'),
    entry('gone'),
    entry('grown'),
    entry('link', { type: 'symlink', linkTarget: 'a' as ByteString }),
    entry('mode'),
    entry('owner'),
    entry('touched'),
  ];
  const decisions = await plan(source, target);
  expect(decisions.map(({ path, step, reason }) => [path, step, reason])).toEqual([
    ['dir', 'folder', 'new'],
    ['dir/new', 'copy', 'new'],
    ['equal', 'keep', 'equal'],
    ['gone', 'remove', 'not in the source'],
    ['grown', 'replace', 'size 5 → 6'],
    ['link', 'replace', 'another link target'],
    ['mode', 'metadata', 'mode 644 → 600'],
    ['owner', 'metadata', 'owner 0:0 → 7:0'],
    ['pipe', 'leave', 'a fifo is not copied'],
    ['touched', 'replace', 'another modification time'],
  ]);
});

test('owners are not compared by an account that cannot keep them', async () => {
  expect(steps(await plan([entry('a', { uid: 7 })], [entry('a')], { owners: false }))).toEqual(['keep a']);
});

test('checksum mode asks for the content of what has equal size, whatever its time', async () => {
  const decisions = await plan([entry('a', { mtimeNs: 9n }), entry('b', { sizeBytes: 1 })], [entry('a'), entry('b')], {
    checksum: true,
  });
  expect(steps(decisions)).toEqual(['compare a', 'replace b']);
});

test('copy mode removes nothing, and leaves what is in its way', async () => {
  const source = [entry('a', { type: 'dir' }), entry('a/x'), entry('b')];
  const target = [entry('a'), entry('b', { type: 'dir' }), entry('b/kept'), entry('c')];
  const decisions = await plan(source, target, { mode: 'copy' });
  expect(steps(decisions)).toEqual(['leave a', 'leave a/x', 'leave b', 'keep b/kept', 'keep c']);
  expect(decisions.filter((decision) => decision.notable === 'obstructed').map(({ path }) => path)).toEqual(['a', 'b']);
});

test('a mirror clears what stands where a folder or a file must come', async () => {
  const source = [entry('a', { type: 'dir' }), entry('a/x'), entry('b')];
  const target = [entry('a'), entry('b', { type: 'dir' }), entry('b/old')];
  expect(steps(await plan(source, target))).toEqual(['clear a', 'copy a/x', 'clear b', 'remove b/old']);
});

test('the copy of what the source could not show is never removed', async () => {
  const target = [entry('a', { type: 'dir' }), entry('a/secret'), entry('b')];
  const decisions = await plan([entry('a', { type: 'dir' })], target, {}, (path) => path.startsWith('a'));
  expect(steps(decisions)).toEqual(['keep a', 'leave a/secret', 'remove b']);
});

test('carried out, the decisions of a mirror make the target equal to the source', async () => {
  const tree = fc
    .uniqueArray(fc.stringMatching(/^[ab-]{1,3}$/), { maxLength: 12 })
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc
            .record({ sizeBytes: fc.nat(1), mtimeNs: fc.bigInt(0n, 1n), mode: fc.nat(1) })
            .map((data) => entry(name, data)),
        ),
      ),
    );
  await fc.assert(
    fc.asyncProperty(tree, tree, async (source, target) => {
      const result = new Map(target.map((item) => [item.path, item]));
      let previous = '' as ByteString;
      for (const decision of await plan(source, target)) {
        if (previous !== '') expect(compareBytePaths(previous, decision.path)).toBeLessThan(0);
        previous = decision.path;
        if (decision.step === 'remove') result.delete(decision.path);
        if (['copy', 'replace', 'metadata'].includes(decision.step)) result.set(decision.path, decision.source!);
      }
      expect([...result.values()].toSorted((a, b) => compareBytePaths(a.path, b.path))).toEqual(
        source.toSorted((a, b) => compareBytePaths(a.path, b.path)),
      );
    }),
    { seed: 20261123, numRuns: 300 },
  );
});

const guards = { emptySource: 'refuse', maxDelete: { share: 0.1, files: 1000 } } as const;

test('an empty source is refused while the target has files, unless the operator or the policy accepts it', () => {
  const counts = { sourceEntries: 0, targetFiles: 3, removals: 3 };
  expect(checkSyncGuards(counts, guards)?.guard).toBe('emptySource');
  expect(checkSyncGuards(counts, guards, ['maxDelete'])?.guard).toBe('emptySource');
  expect(checkSyncGuards(counts, guards, ['emptySource'])).toBeUndefined();
  expect(checkSyncGuards(counts, { ...guards, emptySource: 'allow' })).toBeUndefined();
  expect(checkSyncGuards({ ...counts, targetFiles: 0, removals: 0 }, guards)).toBeUndefined();
});

test('a run that removes more than the share and more than the number is refused', () => {
  const refused = (removals: number, targetFiles: number, accept: string[] = []) =>
    checkSyncGuards({ sourceEntries: 1, targetFiles, removals }, guards, accept)?.guard;
  expect(refused(1001, 10_000)).toBe('maxDelete');
  expect(refused(1000, 1000)).toBeUndefined();
  expect(refused(1001, 100_000)).toBeUndefined();
  expect(refused(1001, 10_000, ['maxDelete'])).toBeUndefined();
});
