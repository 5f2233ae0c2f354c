import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Snapshot } from '../../domain/snapshot.ts';
import { requirePeer } from '../peers.ts';
import { noise } from '../repository/odd-tree.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';

const restic = requirePeer('restic');

/** Shorter than the smallest chunk: one blob each, whatever the polynomial. */
const KEPT = noise(500_000, 'kept');
const LOST = noise(500_000, 'lost');

/** Two folders with a file each, backed up twice, the second time with one more file. */
async function backUpTwice(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  for (const folder of ['one', 'two']) mkdirSync(join(source, folder), { recursive: true });
  writeFileSync(join(source, 'one/kept'), KEPT);
  writeFileSync(join(source, 'two/lost'), LOST);
  expect((await fixture.run(['backup', source])).status).toBe(0);
  writeFileSync(join(source, 'more'), 'more');
  expect((await fixture.run(['backup', source])).status).toBe(0);
  return source;
}

const namesIn = (fixture: RepositoryFixture, folder: string): string[] =>
  readdirSync(join(fixture.where, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .toSorted();

const packPath = ({ where }: RepositoryFixture, id: string): string => join(where, 'data', id.slice(0, 2), id);

function change(path: string, edit: (content: Buffer) => Buffer): void {
  const content = edit(readFileSync(path));
  chmodSync(path, 0o600);
  writeFileSync(path, content);
}

function flip(path: string, offset: number): void {
  change(path, (content) => {
    content[offset]! ^= 1;
    return content;
  });
}

/** Damages the one blob of a file, or the tree of a folder; returns the pack's id. */
async function damage(fixture: RepositoryFixture, wanted: 'file' | 'folder'): Promise<string> {
  const { repository } = fixture;
  await repository.loadIndex({ reload: true });
  const [first] = await repository.listSnapshots();
  let node: { subtree?: string; content?: string[] } = { subtree: first!.tree };
  const path = [...fixture.folder.split('/').slice(1), 'source', 'two', ...(wanted === 'file' ? ['lost'] : [])];
  for (const name of path) {
    const { nodes } = JSON.parse((await repository.loadBlob('tree', node.subtree!)).toString()) as {
      nodes: { name: string; subtree?: string; content?: string[] }[];
    };
    node = nodes.find((each) => each.name === name)!;
  }
  const place =
    node.subtree === undefined
      ? repository.findBlob('data', node.content![0]!)
      : repository.findBlob('tree', node.subtree);
  flip(packPath(fixture, place!.packId), place!.offset + 20);
  return place!.packId;
}

/** Of restic, whose exit status is not 0 when it finds anything. */
function resticCheck(fixture: RepositoryFixture, ...options: string[]): void {
  runRestic(fixture, 'check', ...options);
}

function runRestic({ where, folder }: RepositoryFixture, ...args: string[]): string {
  const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder };
  const base = ['-r', where, '--password-file', join(folder, 'password'), '--no-cache', '--quiet'];
  return execFileSync(restic.command, [...base, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const checked = async (fixture: RepositoryFixture): Promise<string[]> => {
  const { stdout } = await fixture.run(['check', '--read-data', '--json']);
  const { findings } = JSON.parse(stdout) as { findings: { code: string }[] };
  return [...new Set(findings.map(({ code }) => code))].toSorted();
};

restic.it(
  'an index that is gone, damaged or outdated is made anew from the packs, and restic finds no error',
  async () => {
    await using fixture = await createRepositoryFixture();
    await backUpTwice(fixture);
    const packs = namesIn(fixture, 'data');
    const [one, two] = namesIn(fixture, 'index');
    expect((await fixture.run(['repair', 'index'])).stdout).toMatch(/^the index fits: \d+ packs with \d+ blobs\n$/);
    expect(namesIn(fixture, 'index')).toEqual([one, two]);

    // One file is gone, one cannot be read.
    rmSync(join(fixture.where, 'index', one!));
    flip(join(fixture.where, 'index', two!), 40);
    const dry = await fixture.run(['repair', 'index', '--dry-run']);
    expect([dry.status, dry.stdout]).toEqual([0, expect.stringContaining('nothing was changed; the index would name')]);
    expect(namesIn(fixture, 'index')).toEqual([two]);
    const repaired = await fixture.run(['repair', 'index', '--json']);
    const plan = JSON.parse(repaired.stdout) as { added: string[]; damagedFiles: object[] };
    expect([plan.added.toSorted(), plan.damagedFiles.length]).toEqual([packs, 1]);
    expect(await checked(fixture)).toEqual([]);
    resticCheck(fixture, '--read-data');

    // An index that names a pack which is gone: what the pack held stays missing, but is no longer promised.
    const index = namesIn(fixture, 'index');
    await fixture.repository.loadIndex({ reload: true });
    const [newest] = (await fixture.repository.listSnapshots()).toReversed();
    const { packId } = fixture.repository.findBlob('tree', newest!.tree)!;
    cpSync(packPath(fixture, packId), join(fixture.folder, 'aside'));
    rmSync(packPath(fixture, packId));
    expect((await fixture.run(['repair', 'index'])).stdout).toContain(`leave out pack ${packId}, which is not there`);
    expect(await checked(fixture)).toEqual(['repository/blob-missing']);
    // And when the pack comes back, it enters again.
    cpSync(join(fixture.folder, 'aside'), packPath(fixture, packId));
    expect((await fixture.run(['repair', 'index', '--read-all-packs'])).stdout).toContain(`add pack ${packId}`);
    expect(namesIn(fixture, 'index')).not.toEqual(index);
    expect(await checked(fixture)).toEqual([]);
    resticCheck(fixture, '--read-data');
  },
  180_000,
);

test('of a pack that was cut off the index keeps what is left, which can be salvaged then', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await fixture.repository.loadIndex({ reload: true });
  const { id, blobs } = [...fixture.repository.indexedPacks()].find(({ blobs: [, , third] }) => third !== undefined)!;
  change(packPath(fixture, id), (content) => content.subarray(0, blobs[2]!.offset + 10));
  for (const options of [[], ['--read-all-packs'], []]) {
    const { status, stderr } = await fixture.run(['repair', 'index', ...options]);
    expect([status, stderr]).toEqual([5, expect.stringContaining('what the index says of it stays')]);
  }
  const salvaged = await fixture.run(['repair', 'packs', id, '--save-to', fixture.folder]);
  expect([salvaged.status, salvaged.stdout]).toEqual([0, expect.stringContaining(': 2 blobs whole, 0 lost')]);
  expect(await checked(fixture)).toEqual(['repository/blob-missing']);
});

test('a pack of which nothing is left stays out of the index, and is named: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await fixture.repository.loadIndex({ reload: true });
  const { id, blobs } = [...fixture.repository.indexedPacks()].find(({ blobs: [first] }) => first!.type === 'data')!;
  // Which blob comes first is drawn: "more" is whole within 36 bytes.
  change(packPath(fixture, id), (content) => content.subarray(0, blobs[0]!.length - 1));
  const { status, stderr } = await fixture.run(['repair', 'index']);
  expect([status, stderr]).toEqual([5, expect.stringMatching(/it stays out of the index\n.*→ holdfast repair packs/)]);
  expect(await checked(fixture)).toContain('repository/blob-missing');
});

test('an index that knows where blobs are is kept when the header of their pack is damaged', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  const [pack] = namesIn(fixture, 'data');
  flip(packPath(fixture, pack!), readFileSync(packPath(fixture, pack!)).length - 10);
  const { status, stderr } = await fixture.run(['repair', 'index', '--read-all-packs']);
  expect([status, stderr]).toEqual([5, expect.stringContaining('what the index says of it stays')]);
  // Damaged as before, and nothing lost by the repair.
  expect(await checked(fixture)).toEqual(['repository/pack-damaged']);
  const salvaged = await fixture.run(['repair', 'packs', pack!, '--save-to', fixture.folder]);
  expect([salvaged.status, salvaged.stdout]).toEqual([0, expect.stringMatching(/: \d+ blobs? whole, 0 lost/)]);
  expect(await checked(fixture)).toEqual([]);
});

restic.it(
  'what is whole of a damaged pack is salvaged, what is lost is named, and the next backup heals it',
  async () => {
    await using fixture = await createRepositoryFixture();
    const source = await backUpTwice(fixture);
    const pack = await damage(fixture, 'file');
    const before = readFileSync(packPath(fixture, pack));
    const aside = join(fixture.folder, `pack-${pack}`);
    const dry = await fixture.run(['repair', 'packs', pack.slice(0, 10), '--dry-run']);
    expect([dry.status, dry.stdout]).toEqual([5, expect.stringContaining('1 lost\nnothing was changed')]);
    expect([existsSync(aside), readFileSync(packPath(fixture, pack)).equals(before)]).toEqual([false, true]);

    const { status, stderr } = await fixture.run(['repair', 'packs', pack.slice(0, 10)]);
    expect([status, stderr]).toEqual([5, expect.stringMatching(/critical: lost: data blob \w+ in pack/)]);
    expect([readFileSync(aside).equals(before), existsSync(packPath(fixture, pack))]).toEqual([true, false]);
    expect(await checked(fixture)).toEqual(['repository/blob-missing']);
    expect(() => resticCheck(fixture)).toThrow('Command failed');

    expect((await fixture.run(['backup', source])).status).toBe(0);
    expect(await checked(fixture)).toEqual([]);
    resticCheck(fixture, '--read-data');
    expect((await fixture.run(['repair', 'packs', pack])).status).toBe(2);
  },
  180_000,
);

restic.it(
  'snapshots that lack data are saved anew with what is left; the originals go only when told so',
  async () => {
    await using fixture = await createRepositoryFixture();
    const source = await backUpTwice(fixture);
    const pack = await damage(fixture, 'file');
    expect((await fixture.run(['repair', 'packs', pack])).status).toBe(5);
    const originals = await fixture.repository.listSnapshots();
    const dry = await fixture.run(['repair', 'snapshots', '--dry-run']);
    expect([dry.status, dry.stdout]).toEqual([
      0,
      expect.stringContaining('two/lost has lost 1 of 1 blobs, and 500000 bytes'),
    ]);
    expect(dry.stdout).toContain('2 snapshots of 2 lack data; nothing was changed');
    expect(await fixture.repository.listSnapshots()).toEqual(originals);

    expect((await fixture.run(['repair', 'snapshots', originals[0]!.id])).status).toBe(0);
    const beside = await fixture.repository.listSnapshots();
    expect(beside.find(({ original }) => original === originals[0]!.id)).toMatchObject({
      tags: ['repaired'],
      time: originals[0]!.time,
      paths: [source],
    });
    expect(beside).toHaveLength(3);

    expect((await fixture.run(['repair', 'snapshots', '--forget'])).status).toBe(0);
    const repaired = await fixture.repository.listSnapshots();
    expect(repaired.map(({ original }) => original).toSorted()).toEqual(
      [originals[0]!.id, originals[0]!.id, originals[1]!.id].toSorted(),
    );
    expect(await checked(fixture)).toEqual([]);
    resticCheck(fixture, '--read-data');
    const target = join(fixture.folder, 'restored');
    runRestic(fixture, 'restore', repaired.at(-1)!.id, '--target', target);
    expect(readFileSync(join(target + source, 'one/kept')).equals(KEPT)).toBe(true);
    expect(readFileSync(join(target + source, 'two/lost'))).toHaveLength(0);
    expect((await fixture.run(['repair', 'snapshots'])).stdout).toBe('0 snapshots of 3 lack data\n');
  },
  180_000,
);

restic.it(
  'a folder that cannot be read becomes an empty one; snapshots that cannot be read go when they are named',
  async () => {
    await using fixture = await createRepositoryFixture();
    await backUpTwice(fixture);
    const pack = await damage(fixture, 'folder');
    expect((await fixture.run(['repair', 'packs', pack])).status).toBe(5);
    const [first, second] = await fixture.repository.listSnapshots();
    flip(join(fixture.where, 'snapshots', first!.id), 40);
    for (const refused of [['prune'], ['forget', '--keep-last', '1']]) {
      const { status, stderr } = await fixture.run(refused);
      expect([status, stderr]).toEqual([5, expect.stringContaining(`repair snapshots --forget ${first!.id}`)]);
    }
    const some = await fixture.run(['repair', 'snapshots', '--forget']);
    expect([some.status, some.stdout]).toEqual([5, expect.stringContaining('source/two is an empty folder now')]);
    expect(some.stderr).toContain(`holdfast repair snapshots --forget ${first!.id}`);
    expect((await fixture.run(['repair', 'snapshots', first!.id])).status).toBe(5);
    expect((await fixture.run(['repair', 'snapshots', '--forget', first!.id])).status).toBe(0);
    const left = await fixture.repository.listSnapshots();
    expect(left.map(({ original }) => original)).toEqual([second!.id]);
    expect(await checked(fixture)).toEqual([]);
    resticCheck(fixture, '--read-data');
  },
  180_000,
);

test('a snapshot without a root is removed only when told so', async () => {
  await using fixture = await createRepositoryFixture();
  const snapshot = { time: '2026-11-23T02:00:00Z', tree: 'f'.repeat(64), paths: ['/srv'] } as Snapshot;
  await fixture.repository.saveSnapshot({ ...snapshot, hostname: 'app-01', username: 'root' });
  const kept = await fixture.run(['repair', 'snapshots']);
  expect([kept.status, kept.stdout]).toEqual([5, expect.stringContaining('--forget removes it')]);
  expect((await fixture.run(['repair', 'snapshots', '--forget'])).status).toBe(0);
  expect(await fixture.repository.listSnapshots()).toEqual([]);
});

test('works alone on the repository, and refuses what makes no sense', async () => {
  await using fixture = await createRepositoryFixture();
  const lock = await fixture.repository.lock('shared');
  for (const args of [['index'], ['snapshots'], ['packs', 'abc']])
    expect([args, (await fixture.run(['repair', ...args])).status]).toEqual([args, 11]);
  await lock.release();
  const wrong = [
    ['everything'],
    ['packs'],
    ['packs', 'abc'],
    ['index', 'abc'],
    ['index', '--forget'],
    ['snapshots', '--read-all-packs'],
    ['index', '--save-to', '.'],
    ['snapshots', 'fedcba98'],
  ];
  for (const args of wrong) expect([args, (await fixture.run(['repair', ...args])).status]).toEqual([args, 2]);
});
