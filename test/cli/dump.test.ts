import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeOddTree, describeTree, noise } from '../repository/odd-tree.ts';
import { requirePeer } from '../peers.ts';
import { createRepositoryFixture, type RepositoryFixture } from './repository-fixture.ts';
import { CLI } from './run-cli.ts';

const restic = requirePeer('restic');

/** Bytes, which `fixture.run` would read as text. */
function dump(fixture: RepositoryFixture, args: string[]): { status: number | null; stdout: Buffer; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'dump', ...fixture.options, ...args], {
    cwd: fixture.folder,
    maxBuffer: 1 << 28,
  });
  return { status, stdout, stderr: stderr.toString() };
}

function resticDump(fixture: RepositoryFixture, args: string[]): Buffer {
  const options = ['-r', fixture.where, '--password-file', join(fixture.folder, 'password'), '--no-cache', '-q'];
  return execFileSync(restic.command, [...options, 'dump', ...args], { maxBuffer: 1 << 28 });
}

function unpack(fixture: RepositoryFixture, name: string, archive: Buffer): string {
  const folder = join(fixture.folder, name);
  mkdirSync(folder);
  const { status, stderr } = spawnSync(
    'tar',
    ['-xp', '--xattrs', '--xattrs-include=*', '--warning=no-timestamp', '-C', folder],
    {
      input: archive,
      encoding: 'utf8',
    },
  );
  expect([status, stderr]).toEqual([0, '']);
  return folder;
}

async function backUpOddTree(fixture: RepositoryFixture): Promise<string> {
  const source = join(fixture.folder, 'source');
  makeOddTree(source);
  expect((await fixture.run(['backup', source])).status).toBe(0);
  return source;
}

test('a folder comes as a tar archive that unpacks to all that was there', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpOddTree(fixture);
  const { status, stdout, stderr } = dump(fixture, ['latest', source]);
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^dumping .*source from [0-9a-f]{8} of /)]);
  const unpacked = join(unpack(fixture, 'unpacked', stdout), source);
  // The folder itself is no entry of its archive, as with restic.
  expect(describeTree(unpacked).slice(1)).toEqual(describeTree(source).slice(1));
  const everything = unpack(fixture, 'everything', dump(fixture, ['latest:/', '-q']).stdout);
  expect(describeTree(join(everything, source))).toEqual(describeTree(source));
});

restic.it('has the entries and the bytes that restic dump has', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpOddTree(fixture);
  const large = dump(fixture, ['latest', `${source}/large`]);
  expect(large.status).toBe(0);
  expect(large.stdout.equals(resticDump(fixture, ['latest', `${source}/large`]))).toBe(true);
  // Of the whole snapshot restic 0.14 leaves special files out, of a folder it writes them as empty files.
  const isSpecial = (name: string): boolean => /\/(block|null|fifo)$/.test(name);
  const list = (archive: Buffer): string[] =>
    execFileSync('tar', ['-t', '--quoting-style=escape'], { input: archive, encoding: 'utf8' })
      .split('\n')
      .filter((name) => !isSpecial(name));
  for (const path of [source, `${source}/deep`, '/'])
    expect(list(dump(fixture, ['latest', path]).stdout)).toEqual(list(resticDump(fixture, ['latest', path])));
});

test('names, owners and sizes that ustar has no room for survive', async () => {
  await using fixture = await createRepositoryFixture();
  const source = join(fixture.folder, 'source');
  const deep = join(source, 'd'.repeat(200), 'e'.repeat(200));
  mkdirSync(deep, { recursive: true });
  for (const length of [1, 99, 100, 101, 255]) writeFileSync(join(deep, 'f'.repeat(length)), `file ${length}`);
  if (process.getuid?.() === 0) execFileSync('chown', ['3000000:4000000000', join(deep, 'f')]);
  await fixture.run(['backup', source]);
  const unpacked = join(unpack(fixture, 'unpacked', dump(fixture, ['latest', source]).stdout), source);
  expect(describeTree(unpacked).slice(1)).toEqual(describeTree(source).slice(1));
});

test('what is no file and no folder, is not there, or is not named, is exit 2 and writes nothing to stdout', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpOddTree(fixture);
  const cases: [string[], string][] = [
    [['latest', `${source}/link`], 'is neither a file nor a folder but a symlink'],
    [['latest', `${source}/nothing`], 'has no '],
    [['latest', `${source}/small/below`], 'has no '],
    [['latest'], 'no path is named'],
    [['latest', ''], 'no path is named'],
    [['latest:/a', '/b'], 'two paths'],
    [['--json', 'latest', '/nothing'], '"error"'],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = dump(fixture, args);
    expect([args, status, stdout.toString(), stderr]).toEqual([args, 2, '', expect.stringContaining(message)]);
  }
  expect(dump(fixture, ['--at', '2100-01-01', `${source}/small`]).stdout.toString()).toBe('small content\n');
});

test('no archive is written to a terminal, a file is', async () => {
  await using fixture = await createRepositoryFixture();
  const source = await backUpOddTree(fixture);
  const onTerminal = (path: string): string => {
    const words = [process.execPath, CLI, 'dump', ...fixture.options, 'latest', path].join(' ');
    return spawnSync('script', ['-qec', words, '/dev/null'], { encoding: 'utf8', input: '' }).stdout;
  };
  expect(onTerminal(source)).toContain('a terminal shows no tar archive');
  expect(onTerminal(`${source}/small`)).toContain('small content');
});

test('damaged data ends the output with exit 5, and no program takes the archive for whole', async () => {
  await using fixture = await createRepositoryFixture();
  const source = join(fixture.folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'a'), 'first');
  writeFileSync(join(source, 'big'), noise(40_000_000, 'big'));
  await fixture.run(['backup', source]);
  const packs = readdirSync(join(fixture.where, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(fixture.where, 'data', name))
    .filter((path) => statSync(path).isFile())
    .toSorted((a, b) => statSync(b).size - statSync(a).size);
  const content = readFileSync(packs[0]!);
  content[content.length >> 1]! ^= 1;
  chmodSync(packs[0]!, 0o600);
  writeFileSync(packs[0]!, content);
  const file = dump(fixture, ['latest', `${source}/big`]);
  expect([file.status, file.stderr]).toEqual([5, expect.stringContaining('big cannot be dumped whole')]);
  expect(readFileSync(join(source, 'big')).subarray(0, file.stdout.length).equals(file.stdout)).toBe(true);
  const archive = dump(fixture, ['latest', source]);
  expect(archive.status).toBe(5);
  const { status } = spawnSync('tar', ['-t'], { input: archive.stdout });
  expect(status).not.toBe(0);
  // A pack that is gone, and the trees with it.
  for (const pack of packs) rmSync(pack);
  for (const path of [source, `${source}/big`, '/']) {
    const gone = dump(fixture, ['latest', path]);
    expect([path, gone.status, gone.stdout.length]).toEqual([path, 5, 0]);
  }
  truncateSync(join(fixture.where, 'config'), 3);
  expect(dump(fixture, ['latest', source]).stdout.length).toBe(0);
});

test('memory stays small behind a slow reader, and a reader that goes away ends it quietly', async () => {
  await using fixture = await createRepositoryFixture();
  const source = join(fixture.folder, 'source');
  mkdirSync(source);
  const part = noise(50_000_000, 'part');
  for (let index = 0; index < 6; index++) {
    part[0] = index;
    part.writeUInt32LE(index * 77_777, 25_000_000);
    writeFileSync(join(source, `file-${index}`), Buffer.concat([part.subarray(index * 1000), part.subarray(0, index)]));
  }
  await fixture.run(['backup', source]);
  const child = spawn(process.execPath, [CLI, 'dump', ...fixture.options, '-q', 'latest', source]);
  // Nobody reads for a while: what is not taken must not pile up in the process.
  child.stdout.pause();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const resident = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]);
  expect(resident).toBeLessThan(250_000);
  child.stdout.destroy();
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect(status).toBe(0);
  for await (const entry of fixture.repository.storage.list('locks/')) expect.unreachable(entry.name);
});
