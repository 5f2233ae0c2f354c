import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { requirePeer } from '../peers.ts';
import { noise } from '../repository/odd-tree.ts';
import { runCli, type CliResult } from './run-cli.ts';

const restic = requirePeer('restic');

interface OldRepository extends Disposable {
  folder: string;
  source: string;
  run(...args: string[]): Promise<CliResult>;
}

/** A repository of format version 1 with two snapshots, made by the real restic. */
function makeOldRepository(): OldRepository {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-version-1-'));
  const [where, source, password] = [join(folder, 'old'), join(folder, 'source'), join(folder, 'password')];
  writeFileSync(password, 'geheim\n', { mode: 0o600 });
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'sub/noise'), noise(1_500_000, 'old'));
  writeFileSync(join(source, 'text'), 'text that would get smaller '.repeat(20_000));
  const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: folder };
  const runRestic = (...args: string[]): string =>
    execFileSync(restic.command, ['-r', where, '--password-file', password, '--no-cache', '-q', ...args], {
      env,
      encoding: 'utf8',
    });
  runRestic('init', '--repository-version', '1');
  runRestic('backup', source, '--host', 'app-01');
  writeFileSync(join(source, 'more'), 'more');
  runRestic('backup', source, '--host', 'app-01');
  return {
    folder,
    source,
    run: (...args) => runCli([...args, '--repo', where, '--password-file', password]),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The folder in which the lock of a reader was prepared holds nothing, and belongs to no repository. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name !== '.holdfast-tmp')
    .toSorted();

restic.it(
  'a repository of format version 1 is read by every command that reads, and left as it is',
  async () => {
    using old = makeOldRepository();
    const before = filesIn(join(old.folder, 'old'));
    const answer = async (...args: string[]): Promise<string> => {
      const { status, stdout, stderr } = await old.run(...args);
      expect([args, status, stderr]).toEqual([args, 0, expect.not.stringMatching(/error|warning|critical/)]);
      return stdout;
    };
    const snapshots = JSON.parse(await answer('snapshots', '--json')) as { id: string }[];
    expect(snapshots).toHaveLength(2);
    expect(await answer('ls', 'latest', '--host', 'app-01')).toContain(`${old.source}/sub/noise`);
    expect(await answer('find', 'noise')).toContain('sub/noise');
    expect(await answer('dump', 'latest', '--host', 'app-01', `${old.source}/more`)).toBe('more');
    expect(await answer('diff', snapshots[0]!.id, snapshots[1]!.id)).toContain('/more');
    expect(JSON.parse(await answer('stats', '--json', '--mode', 'raw-data'))).toMatchObject({ snapshots_count: 2 });
    expect(await answer('check', '--read-data')).toContain('no problem found in 2 snapshots');
    expect(await answer('key', 'list')).toContain('*');
    expect(await answer('forget', '--keep-last', '1', '--dry-run')).toContain('would forget 1 snapshot');
    expect(await answer('prune', '--dry-run')).toContain('nothing was changed');
    expect(await answer('repair', 'index', '--dry-run')).toContain('the index fits');
    expect(await answer('repair', 'snapshots', '--dry-run')).toContain('0 snapshots of 2 lack data');
    expect(await answer('unlock')).toContain('removed 0 locks');
    const target = join(old.folder, 'restored');
    await answer('restore', 'latest', '--host', 'app-01', '--target', target, '--verify');
    for (const file of ['sub/noise', 'text', 'more'])
      expect(readFileSync(join(target + old.source, file)).equals(readFileSync(join(old.source, file)))).toBe(true);
    expect(filesIn(join(old.folder, 'old'))).toEqual(before);
  },
  180_000,
);

restic.it(
  'what would change a repository of format version 1 is refused at once, with what to do instead',
  async () => {
    using old = makeOldRepository();
    const before = filesIn(join(old.folder, 'old'));
    const [{ id }] = JSON.parse((await old.run('snapshots', '--json')).stdout) as [{ id: string }];
    const refused = [
      ['backup', old.source],
      ['backup', old.source, '--dry-run'],
      ['forget', id],
      ['prune'],
      ['key', 'add', '--new-password-file', join(old.folder, 'password')],
      ['key', 'passwd', '--new-password-file', join(old.folder, 'password')],
      ['repair', 'index'],
      ['repair', 'snapshots'],
      ['copy', '--from-repo', join(old.folder, 'old'), '--from-password-file', join(old.folder, 'password')],
    ];
    for (const args of refused) {
      const { status, stderr } = await old.run(...args);
      expect([args, status]).toEqual([args, 2]);
      expect(stderr).toContain('has format version 1, which is only read');
      expect(stderr).toContain('restic migrate upgrade_repo_v2');
    }
    expect(filesIn(join(old.folder, 'old'))).toEqual(before);
  },
  180_000,
);

restic.it(
  'its snapshots are copied into a new repository, compressed on the way, and restic finds no error there',
  async () => {
    using old = makeOldRepository();
    const [where, password] = [join(old.folder, 'new'), join(old.folder, 'password')];
    const to = ['--repo', where, '--password-file', password];
    const from = ['--from-repo', join(old.folder, 'old'), '--from-password-file', password];
    expect((await runCli(['init', ...to, '--copy-chunker-params', ...from])).status).toBe(0);
    const copied = await runCli(['copy', ...to, ...from, '--json']);
    const { bytesRead, bytesWritten, ...rest } = JSON.parse(copied.stdout) as Record<string, number>;
    expect(rest).toMatchObject({ copied: [{}, {}], damaged: [], sameChunker: true });
    expect(bytesWritten!).toBeLessThan(bytesRead! - 400_000);
    const env = { PATH: process.env['PATH'], HOME: old.folder, TMPDIR: old.folder };
    execFileSync(restic.command, ['-r', where, '--password-file', password, '--no-cache', 'check', '--read-data'], {
      env,
    });
  },
  180_000,
);
