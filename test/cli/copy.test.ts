import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { requirePeer } from '../peers.ts';
import { makeOddTree, noise } from '../repository/odd-tree.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { runCli, type CliResult, type RunOptions } from './run-cli.ts';

const restic = requirePeer('restic');

/** A second repository beside the fixture's, with a password of its own. */
async function createSecond(fixture: RepositoryFixture, ...options: string[]): Promise<string> {
  const where = join(fixture.folder, 'second');
  writeFileSync(join(fixture.folder, 'second-password'), 'anders\n', { mode: 0o600 });
  const made = await runCli(['init', ...secondOptions(fixture), ...options]);
  expect([made.status, made.stderr]).toEqual([0, '']);
  return where;
}

function secondOptions({ folder }: RepositoryFixture): string[] {
  return ['--repo', join(folder, 'second'), '--password-file', join(folder, 'second-password')];
}

function fromOptions({ options }: RepositoryFixture): string[] {
  return options.map((option) => option.replace(/^--/, '--from-'));
}

function copy(fixture: RepositoryFixture, args: string[] = [], options: RunOptions = {}): Promise<CliResult> {
  return runCli(['copy', ...secondOptions(fixture), ...fromOptions(fixture), ...args], options);
}

/** A tree with all kinds of entries, and a second snapshot that differs a little. */
async function backUpTwice(fixture: RepositoryFixture): Promise<void> {
  const source = join(fixture.folder, 'source');
  makeOddTree(source);
  writeFileSync(join(source, 'noise'), noise(2_000_000, 'noise'));
  expect((await fixture.run(['backup', source, '--host', 'app-01', '--tag', 'one'])).status).toBe(0);
  writeFileSync(join(source, 'more'), 'more');
  expect((await fixture.run(['backup', source, '--host', 'app-02', '--tag', 'two'])).status).toBe(0);
}

interface CopyDocument {
  dryRun: boolean;
  copied: { snapshotId: string; copyId?: string }[];
  present: { snapshotId: string; copyId: string }[];
  damaged: { snapshotId: string; message: string }[];
  blobs: number;
  sameChunker: boolean;
}

const document = ({ stdout }: CliResult): CopyDocument => JSON.parse(stdout) as CopyDocument;

test('copies what is not there, says what it does, and has nothing to do the second time', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await createSecond(fixture);
  const dry = await copy(fixture, ['--dry-run']);
  expect([dry.status, dry.stdout]).toEqual([
    0,
    expect.stringMatching(/^would copy .*\nwould copy .*\n2 snapshots would/),
  ]);
  expect(readdirSync(join(fixture.folder, 'second'))).not.toContain('data');
  const first = await copy(fixture, ['--host', 'app-02']);
  expect([first.status, first.stdout]).toEqual([
    0,
    expect.stringMatching(/^copied \w{8} of .* on app-02, as \w{8}\n1 /),
  ]);
  expect(first.stderr).toContain('cut files in different places');
  const rest = await copy(fixture, ['--json']);
  expect(document(rest)).toMatchObject({ dryRun: false, copied: [{}], present: [{}], damaged: [], sameChunker: false });
  const again = await copy(fixture);
  expect([again.status, again.stdout]).toEqual([
    0,
    '0 snapshots copied, 2 there already; 0 blobs (0 B) read, 0 B written\n',
  ]);
  const checked = await runCli(['check', ...secondOptions(fixture), '--read-data']);
  expect([checked.status, checked.stderr]).toEqual([0, '']);
  for (const where of ['vault', 'second']) expect(readdirSync(join(fixture.folder, where, 'locks'))).toEqual([]);
});

test('copies named snapshots alone, and refuses what it does not know', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await createSecond(fixture);
  const [first] = await fixture.repository.listSnapshots();
  expect(document(await copy(fixture, ['--json', first!.id.slice(0, 12)])).copied).toMatchObject([
    { snapshotId: first!.id },
  ]);
  expect((await copy(fixture, ['latest'])).status).toBe(2);
  expect((await copy(fixture, ['fedcba98'])).status).toBe(2);
  const nowhere = await runCli(['copy', ...secondOptions(fixture)]);
  expect([nowhere.status, nowhere.stderr]).toEqual([
    2,
    expect.stringContaining('--from-repo WHERE --from-password-file FILE'),
  ]);
  const wrong = await copy(fixture, ['--from-password-file', join(fixture.folder, 'second-password')]);
  expect(wrong.status).toBe(12);
});

test('a repository made with the chunker of another one shares data with its copies', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await createSecond(fixture, '--copy-chunker-params', ...fromOptions(fixture));
  const copied = await copy(fixture, ['--json']);
  expect([document(copied).sameChunker, copied.stderr]).toEqual([true, '']);
  const own = await runCli(['backup', ...secondOptions(fixture), join(fixture.folder, 'source'), '--json']);
  // The folder above has changed since, and it alone.
  expect((JSON.parse(own.stdout) as { bytesAdded: number }).bytesAdded).toBeLessThan(5000);
  for (const options of [['--copy-chunker-params'], fromOptions(fixture)]) {
    const { status, stderr } = await runCli(['init', '--repo', join(fixture.folder, 'third'), ...options]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('go together')]);
  }
});

test('what is damaged in the source is left out and named, the rest is copied: exit 5', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await createSecond(fixture);
  await fixture.repository.loadIndex();
  const [first, second] = await fixture.repository.listSnapshots();
  const { packId, offset } = fixture.repository.findBlob('tree', second!.tree)!;
  const pack = join(fixture.where, 'data', packId.slice(0, 2), packId);
  const content = readFileSync(pack);
  content[offset + 20]! ^= 1;
  chmodSync(pack, 0o600);
  writeFileSync(pack, content);
  const { status, stdout, stderr } = await copy(fixture);
  expect([status, stdout]).toEqual([5, expect.stringContaining(`copied ${first!.id.slice(0, 8)}`)]);
  expect(stderr).toContain(`critical: not copied: ${second!.id.slice(0, 8)}`);
});

test('respects the locks of both repositories: exit 11', async () => {
  await using fixture = await createRepositoryFixture();
  await createSecond(fixture);
  const lock = await fixture.repository.lock('exclusive');
  expect((await copy(fixture)).status).toBe(11);
  await lock.release();
  expect((await copy(fixture)).status).toBe(0);
});

describe('with the real restic', () => {
  /** Runs restic on the second repository. */
  function run(fixture: RepositoryFixture, ...args: string[]): string {
    const env = { PATH: process.env['PATH'], HOME: fixture.folder, TMPDIR: fixture.folder };
    const all = [...secondOptions(fixture), '--no-cache', '--quiet', ...args];
    return execFileSync(restic.command, all, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  interface ResticSnapshot {
    id: string;
    tree: string;
    original?: string;
    tags?: string[];
    time: string;
  }

  const listed = (fixture: RepositoryFixture): ResticSnapshot[] =>
    JSON.parse(run(fixture, 'snapshots', '--json')) as ResticSnapshot[];

  restic.it(
    'our copy is one for restic: it checks and restores it, and has nothing more to copy',
    async () => {
      await using fixture = await createRepositoryFixture();
      await backUpTwice(fixture);
      writeFileSync(join(fixture.folder, 'second-password'), 'anders\n', { mode: 0o600 });
      run(fixture, 'init', '--repository-version', '2');
      expect((await copy(fixture)).status).toBe(0);
      run(fixture, 'check', '--read-data');
      const theirs = await fixture.repository.listSnapshots();
      expect(listed(fixture).map(({ tree, original, tags }) => ({ tree, original, tags }))).toEqual(
        theirs.map(({ tree, id, tags }) => ({ tree, original: id, tags })),
      );
      run(fixture, 'copy', ...fromOptions(fixture));
      expect(listed(fixture)).toHaveLength(2);
      const target = join(fixture.folder, 'restored');
      run(fixture, 'restore', listed(fixture)[1]!.id, '--target', target);
      const restored = join(target, fixture.folder, 'source');
      expect(readdirSync(restored, { recursive: true, encoding: 'latin1' })).toEqual(
        readdirSync(join(fixture.folder, 'source'), { recursive: true, encoding: 'latin1' }),
      );
      expect(readFileSync(join(restored, 'noise')).equals(noise(2_000_000, 'noise'))).toBe(true);
    },
    120_000,
  );

  restic.it(
    'restic’s copy of ours is one for us, and our copy goes on where it stopped',
    async () => {
      await using fixture = await createRepositoryFixture();
      await backUpTwice(fixture);
      writeFileSync(join(fixture.folder, 'second-password'), 'anders\n', { mode: 0o600 });
      run(fixture, 'init', '--repository-version', '2', '--copy-chunker-params', ...fromOptions(fixture));
      run(fixture, 'copy', ...fromOptions(fixture), '--tag', 'one');
      const rest = document(await copy(fixture, ['--json']));
      expect(rest).toMatchObject({ copied: [{}], present: [{}], damaged: [], sameChunker: true });
      // The root and the new file, and the folders down to it.
      expect(rest.blobs).toBeLessThan(10);
      const checked = await runCli(['check', ...secondOptions(fixture), '--read-data']);
      expect([checked.status, checked.stderr]).toEqual([0, '']);
      run(fixture, 'check', '--read-data');
      // Back again: what a copy was made of is there already.
      const back = await runCli([
        'copy',
        ...fixture.options,
        ...secondOptions(fixture).map((option) => option.replace(/^--/, '--from-')),
        '--json',
      ]);
      expect(document(back)).toMatchObject({ copied: [], present: [{}, {}] });
    },
    120_000,
  );
});

const A_COPY = { snapshotId: expect.any(String) as string, copyId: expect.any(String) as string };

test('with names of the policies', async () => {
  await using fixture = await createRepositoryFixture();
  await backUpTwice(fixture);
  await createSecond(fixture);
  mkdirSync(join(fixture.folder, 'policies'));
  const documents = [
    'kind: Location\nmetadata: { name: disk }\nspec: { local: { path: .. } }',
    'kind: Repository\nmetadata: { name: one }\nspec: { location: disk, path: vault, passwordFrom: { file: ../password } }',
    'kind: Repository\nmetadata: { name: two }\nspec: { location: disk, path: second, passwordFrom: { file: ../second-password } }',
  ].map((text) => `apiVersion: holdfast/v1\n${text}`);
  writeFileSync(join(fixture.folder, 'policies/all.yaml'), documents.join('\n---\n'));
  const copied = await runCli(['copy', '--from-repository', 'one', '--repository', 'two', '--json'], {
    directory: fixture.folder,
  });
  expect([copied.status, document(copied).copied]).toEqual([0, [A_COPY, A_COPY]]);
  rmSync(join(fixture.folder, 'second'), { recursive: true });
  expect(
    (await runCli(['copy', '--from-repository', 'one', '--repository', 'two'], { directory: fixture.folder })).status,
  ).toBe(10);
});
