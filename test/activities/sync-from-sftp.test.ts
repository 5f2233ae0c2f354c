import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { sync } from '../../activities/sync.ts';
import type { ActionRequest, Place, SyncSettings } from '../../domain/action.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import { startToxiproxy } from '../servers/toxiproxy.ts';
import { isUnfinished, killOnTheWay } from './killed-sync.ts';
import { openBench } from './server-sync.ts';
import { fillFolder, syncSettings } from './sync-settings.ts';
import { namesIn, sourceSettings, type Workbench } from './workbench.ts';

const sshd = requirePeer('sshd');
const toxiproxy = requirePeer('toxiproxy-server');

sshd.describe('a sync from an SSH server', () => {
  let server: SshServer;
  let bench: Workbench;
  let settings: SyncSettings;
  let source: string;
  let target: string;
  let folder: string;

  beforeAll(async () => {
    server = await startSshd(sshd.command);
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    ({ bench, path: folder } = await openBench(server));
    source = join(server.data, folder, 'orders');
    await mkdir(source, { recursive: true });
    target = join(bench.directory, 'standby', 'orders');
    settings = syncSettings(bench, {
      source: sourceSettings([`/~/${folder}/orders`]),
      from: place(folder),
    });
  });
  afterEach(() => bench.remove());

  /** Of which the reader alone may log in. */
  const place = (path: string): Place => ({
    location: {
      name: 'warehouse',
      sftp: server.place(path),
      identities: { writer: { user: 'nobody-here' }, reader: server.identity('reader') },
    },
    path: 'orders',
  });
  const run = (changes: Partial<ActionRequest> = {}) =>
    sync(bench.deps, bench.request(settings, changes), bench.context());
  const figures = async (changes: Partial<ActionRequest> = {}) => (await run(changes)).figures as SyncFigures;
  const fill = (files: Record<string, string>) => fillFolder(source, files);
  const expectEqual = () =>
    execFileSync('diff', ['-r', '--no-dereference', '--exclude=.holdfast-sync.json', source, target]);

  sshd.it('has the content, modes, links and seconds of its source, and a second run finds nothing to do', async () => {
    await fill({ 'a.txt': 'a', 'sub/deep/b.txt': 'bb', 'sub/empty': '', 'grüße.txt': 'c', 'big.bin': 'x'.repeat(3e6) });
    await chmod(join(source, 'a.txt'), 0o4711);
    await symlink('../elsewhere', join(source, 'sub/link'));
    await utimes(join(source, 'sub'), 1e9, 1e9 + 0.75);
    await chmod(join(source, 'sub/deep'), 0o555);
    const first = await run();
    expect(first.findings).toEqual([]);
    expect(first.figures).toMatchObject({ filesExamined: 6, filesCopied: 6, filesVerified: 5, bytesTotal: 3_000_004 });
    expectEqual();
    for (const name of ['a.txt', 'sub', 'sub/deep', 'sub/deep/b.txt', 'sub/link']) {
      const [there, here] = await Promise.all([lstat(join(source, name)), lstat(join(target, name))]);
      expect([here.mode, here.mtimeMs, here.uid]).toEqual([
        there.mode,
        Math.floor(there.mtimeMs / 1000) * 1000,
        there.uid,
      ]);
    }
    const second = await run();
    expect(second.findings).toEqual([]);
    expect(second.figures).toMatchObject({ filesCopied: 0, filesRemoved: 0, filesUnchanged: 6, metadataUpdated: 0 });
  });

  sshd.it(
    'carries over changes, removals and renames, keeps versions, and tells in a dry run what it would do',
    async () => {
      settings.versions = '30d';
      await fill({ 'change.txt': '1', 'gone/a/b.txt': 'z', 'old name.txt': 'the same content', 'skip.tmp': 'skipped' });
      settings.source.exclude = ['*.tmp', `${settings.source.directories[0]}/never`];
      await fill({ 'never/in.txt': 'anchored' });
      await run();
      expect(await namesIn(target)).toEqual(['change.txt', 'gone', 'old name.txt']);
      await fill({ 'change.txt': '22', 'new/n.txt': 'n' });
      await rm(join(source, 'gone'), { recursive: true });
      await rename(join(source, 'old name.txt'), join(source, 'new/name.txt'));
      const plan = await figures({ dryRun: true });
      expect(plan.decisions).toContainEqual({ step: 'replace', path: 'change.txt', reason: 'size 1 → 2' });
      expect(plan.decisions).toContainEqual({
        step: 'rename',
        path: 'new/name.txt',
        reason: 'probably renamed from old name.txt',
      });
      expect(await namesIn(target)).toContain('gone');
      const outcome = await run();
      expect(outcome.findings).toEqual([]);
      expect(outcome.figures).toMatchObject({ filesCopied: 2, filesRenamed: 1, filesRemoved: 1, filesKept: 2 });
      expect(await namesIn(target)).toEqual(['.holdfast-versions', 'change.txt', 'new']);
      expect(await readFile(join(target, 'new/name.txt'), 'utf8')).toBe('the same content');
    },
  );

  sshd.it('compares contents where the policy says so, and finds a copy that was changed behind its back', async () => {
    await fill({ 'a.txt': 'right', 'b.txt': 'other' });
    settings.verifyShare = 0;
    await run();
    const { atime, mtime } = await lstat(join(target, 'a.txt'));
    await writeFile(join(target, 'a.txt'), 'wrong');
    await utimes(join(target, 'a.txt'), atime, mtime);
    expect(await figures()).toMatchObject({ filesCopied: 0 });
    settings.verifyShare = 1;
    expect((await run()).findings).toMatchObject([{ code: 'sync/mismatch', subject: join(target, 'a.txt') }]);
    settings.checksum = true;
    expect(await figures()).toMatchObject({ filesCopied: 1, filesUnchanged: 1 });
    expectEqual();
  });

  sshd.it('goes from one folder of a server to another one, also of the same, encrypted', async () => {
    const path = `standby-${folder}`;
    target = join(server.data, path, 'orders');
    settings.to = { name: 'standby', sftp: server.place(path), identities: { writer: server.identity('admin') } };
    await fill({ 'a.txt': 'a', 'sub/b.txt': 'bb' });
    expect((await run()).findings).toEqual([]);
    expectEqual();
    expect(await figures()).toMatchObject({ filesCopied: 0, filesVerified: 2 });
    settings.path = 'sealed';
    settings.encrypt = { password: { env: 'PASSWORD' }, names: 'standard' };
    expect(await figures()).toMatchObject({ filesCopied: 2, filesVerified: 2 });
    expect(await namesIn(join(server.data, path, 'sealed'))).not.toContain('a.txt');
  });

  sshd.it(
    'refuses a source that is empty or gone there, with the target untouched, and lets it pass once',
    async () => {
      await fill({ 'a.txt': 'a' });
      await run();
      await rm(join(source, 'a.txt'));
      await expect(run()).rejects.toMatchObject({ code: 'GuardRefused', context: { guard: 'emptySource' } });
      await rm(source, { recursive: true });
      const refused = {
        code: 'GuardRefused',
        message: expect.stringMatching(/^the source sftp:\/\/.*\/orders does not exist$/),
        hint: expect.stringMatching(/holdfast run orders sync --to \S+ --accept emptySource/),
        context: { guard: 'emptySource', finding: 'guard/empty-source' },
      };
      await expect(run()).rejects.toMatchObject(refused);
      await expect(run({ dryRun: true })).rejects.toMatchObject(refused);
      expect(await namesIn(target)).toEqual(['a.txt']);
      expect(await figures({ accept: ['emptySource'] })).toMatchObject({ filesRemoved: 1 });
      expect(await namesIn(target)).toEqual([]);
      await writeFile(source, 'a file');
      await expect(run()).rejects.toMatchObject({ code: 'Usage', message: expect.stringContaining('is not a folder') });
    },
  );

  sshd.it('fails, with the target untouched, when the server refuses its reader', async () => {
    await fill({ 'a.txt': 'a' });
    const { from } = settings;
    from!.location.identities!.reader = { user: server.user, privateKey: { file: server.keyFile('encrypted') } };
    await expect(run()).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(lstat(target)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  sshd.it('leaves out names that are not UTF-8, and what keeps others there, with a finding each', async () => {
    await fill({ 'a.txt': 'a', '.holdfast-sync.json': '{}', '.holdfast-versions/20261124T030405Z/old.txt': 'old' });
    await writeFile(Buffer.from(`${source}/\xff`, 'latin1'), 'odd');
    execFileSync('mkfifo', [join(source, 'pipe')]);
    const { findings, figures: first } = await run();
    expect(findings.map(({ code }) => code).toSorted()).toEqual(['source/special', 'sync/not-kept']);
    expect(first).toMatchObject({ filesCopied: 1, filesPending: 1 });
    expect(first).not.toHaveProperty('oldestPendingAt');
    expect(await figures()).toMatchObject({ filesCopied: 0, filesPending: 1 });
    expect(findings.every(({ subject }) => subject?.startsWith('sftp://') === true)).toBe(true);
    expect(await namesIn(target)).toEqual(['a.txt']);
  });

  sshd.it('keeps the copy of a link whose new target cannot be said', async () => {
    await fill({ 'a.txt': 'a' });
    await symlink('a.txt', join(source, 'link'));
    await run();
    await rm(join(source, 'link'));
    await symlink(Buffer.from('\xff', 'latin1'), join(source, 'link'));
    expect(await figures({ dryRun: true })).toMatchObject({ filesRemoved: 0, decisions: [{ step: 'leave' }] });
    expect((await run()).findings.map(({ code }) => code)).toEqual(['sync/not-kept']);
    expect(await readlink(join(target, 'link'))).toBe('a.txt');
  });

  sshd.it('passes over what its markers and sizes leave out, and keeps the copies of it', async () => {
    await fill({
      'a.txt': 'a',
      'cache/tag': 'x',
      'cache/deep/in.txt': 'y',
      'private/in.txt': 'z',
      'big.bin': 'too large '.repeat(9),
    });
    await run();
    const cacheTag = 'Signature: 8a477f597d28d172789f06886806bc55';
    await fill({
      'cache/CACHEDIR.TAG': cacheTag,
      'private/.nobackup': 'yes',
      'free/.nobackup': 'no',
      'free/in.txt': 'in',
    });
    Object.assign(settings.source, {
      excludeCaches: true,
      excludeIfPresent: ['.nobackup:yes'],
      excludeLargerThanBytes: 50,
    });
    await fill({ 'cache/tag': 'new', 'private/in.txt': 'new', 'cache/more.txt': 'new', 'cache/deep/in.txt': 'new' });
    expect((await run()).findings).toEqual([]);
    expect(await namesIn(target, { recursive: true })).toEqual(
      ['a.txt', 'big.bin', 'cache', 'cache/CACHEDIR.TAG', 'cache/deep', 'cache/deep/in.txt', 'cache/tag'].concat([
        'free',
        'free/.nobackup',
        'free/in.txt',
        'private',
        'private/.nobackup',
        'private/in.txt',
      ]),
    );
    for (const name of ['cache/tag', 'private/in.txt', 'cache/deep/in.txt'])
      expect(await readFile(join(target, name), 'utf8')).not.toBe('new');
    await rm(join(source, 'private/.nobackup'));
    expect(await figures()).toMatchObject({ filesCopied: 1, filesRemoved: 1 });
    expect(await readFile(join(target, 'private/in.txt'), 'utf8')).toBe('new');
  });

  sshd.it('leaves the locks of other syncs alone where it reads the root of a location', async () => {
    await fill({ 'a.txt': 'a', '.holdfast-sync.lock': '{}', '.holdfast-sync.0123456789abcdef.lock': '{}' });
    settings.from = { location: { ...place(`${folder}/orders`).location }, path: '' };
    expect((await run()).findings).toEqual([]);
    expect(await namesIn(target)).toEqual(['a.txt']);
  });

  sshd.it('leaves the copy of a folder alone that vanished while the source was listed', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `f${index + 10}`);
    await fill(Object.fromEntries(names.map((name) => [`${name}/in.txt`, 'x'])));
    await run();
    let reports = 0;
    const context = bench.context();
    context.progress = {
      report({ phase }) {
        // The folders are listed, some of them ahead.
        if (phase === 'planning' && (reports += 1) === 1) renameSync(`${source}/f69`, `${source}-f69`);
      },
    };
    const { figures: told, findings } = await sync(bench.deps, bench.request(settings), context);
    expect(told).toMatchObject({ filesRemoved: 0, filesUnchanged: 59 });
    expect(findings.map(({ code, subject }) => [code, subject])).toEqual([
      ['source/vanished', expect.stringMatching(/\/orders\/f69$/)],
    ]);
    expect(await readFile(join(target, 'f69/in.txt'), 'utf8')).toBe('x');
    expect(await figures()).toMatchObject({ filesRemoved: 1 });
    expect(await namesIn(target)).toEqual(names.slice(0, -1));
  });

  sshd.it('fails when the folder there is gone midway: nothing of it has vanished by itself', async () => {
    await fill(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, 'x'])));
    let reports = 0;
    const context = bench.context();
    context.progress = {
      report({ phase }) {
        if (phase === 'copying' && (reports += 1) === 5) renameSync(source, `${source}-unmounted`);
      },
    };
    await expect(sync(bench.deps, bench.request(settings), context)).rejects.toMatchObject({
      code: 'StorageUnreachable',
      message: expect.stringMatching(/^the source sftp:\/\/.*\/orders is no longer there$/),
    });
  });

  toxiproxy.it('fails when the server no longer answers, instead of naming each file', async () => {
    await fill(Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`${index % 9}/f${index}`, 'x'])));
    const proxy = await startToxiproxy(toxiproxy.command, server.port);
    try {
      Object.assign(settings.from!.location.sftp!, { port: proxy.port, hostKey: server.fingerprints.ed25519 });
      delete settings.from!.location.sftp!.knownHosts;
      let reports = 0;
      const context = bench.context();
      context.progress = {
        report({ phase }) {
          if (phase === 'copying' && (reports += 1) === 5)
            void proxy.set({ type: 'limit_data', attributes: { bytes: 1 } });
        },
      };
      await expect(sync(bench.deps, bench.request(settings), context)).rejects.toMatchObject({
        code: 'StorageUnreachable',
      });
      await proxy.set();
      const { figures: second, findings } = await run();
      expect(findings).toEqual([]);
      expect((second as SyncFigures).filesCopied).toBeGreaterThan(0);
      expectEqual();
    } finally {
      await proxy.stop();
    }
  });

  sshd.it('that is killed midway goes on with what is missing', async () => {
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index % 10}/${index}`, `${index}`]));
    await fill(files);
    settings.verifyShare = 0;
    const copied = async () => {
      const names = await readdir(target, { recursive: true }).catch(() => []);
      return names.filter((name) => /\/\d+$/.test(name)).length;
    };
    await killOnTheWay(bench.request(settings), async () => (await copied()) >= 50);
    const before = await copied();
    expect(before).toBeLessThan(300);
    for (const name of await readdir(target, { recursive: true }))
      if (/^\d\/\d+$/.test(name)) expect(await readFile(join(target, name), 'utf8')).toBe(files[name]);
    expect(await figures()).toMatchObject({ filesCopied: 300 - before, filesUnchanged: before });
    expectEqual();
    const left = await readdir(target, { recursive: true });
    expect(left.filter(isUnfinished)).toEqual([]);
  });
});
