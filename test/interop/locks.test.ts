import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { CLI } from '../cli/run-cli.ts';
import { describeTree, noise } from '../repository/odd-tree.ts';
import { createWorkplace, expectRestores, fillVault, snapshotsOf, type Workplace } from './interop-fixture.ts';
import { holdfast, HOST, peerPrograms, type BackupProgram, type Vault } from './programs.ts';

/** Many processes, each of which opens a key. */
const PATIENCE = 300_000;

/** A program that was started, and how it ended. */
interface Started {
  pid: number;
  ended: Promise<{ status: number | null; output: string }>;
}

// rustic takes no locks, and is not here: who lets it prune keeps backups away by other means.
for (const { peer, title, open } of (await peerPrograms()).filter(({ peer: { name } }) => name !== 'rustic')) {
  peer.describe(`holdfast and ${title} on one repository at the same time:`, () => {
    let place: Workplace;
    let ours: BackupProgram;
    let theirs: BackupProgram;
    let filled: Vault;

    beforeAll(async () => {
      place = createWorkplace();
      const scratch = path.join(place.folder, 'scratch');
      [ours, theirs] = [holdfast(scratch), open(scratch)];
      filled = (await fillVault(place, ours)).vault;
    });
    afterAll(() => place[Symbol.dispose]());

    const startOurs = (vault: Vault, [command = '', ...args]: string[]): ReturnType<typeof start> =>
      start(process.execPath, [
        CLI,
        command,
        '--repo',
        vault.directory,
        '--password-file',
        vault.passwordFile,
        ...args,
      ]);
    const startTheirs = (vault: Vault, args: string[]): Started =>
      start(peer.command, ['-r', vault.directory, '-p', vault.passwordFile, '--no-cache', ...args]);

    peer.it(
      'backups of both run side by side, again and again, and everything can be restored by both',
      async () => {
        const vault = place.copyOf(filled);
        const known = new Set((await snapshotsOf(vault)).map(({ id }) => id));
        const expected = new Map<string, { state: string[]; writer: BackupProgram }>();
        for (let round = 0; round < 4; round++) {
          const sources = [ours, theirs, ours, theirs].map((writer, number) => {
            const source = path.join(place.folder, `side-${round}-${number}`);
            mkdirSync(source);
            // What all have, so that they store it at the same moment, and what only one has.
            writeFileSync(path.join(source, 'shared'), noise(6_000_000, `shared ${round}`));
            writeFileSync(path.join(source, 'own'), noise(2_000_000, `own ${round} ${number}`));
            return { writer, source, state: describeTree(source) };
          });
          await Promise.all(sources.map(({ writer, source }) => writer.backup(vault, source)));
          for (const { source, state, writer } of sources) expected.set(source, { state, writer });
        }
        for (const program of [ours, theirs]) await program.check(vault);
        const made = (await snapshotsOf(vault)).filter(({ id }) => !known.has(id));
        expect(made.map(({ paths }) => paths[0]!).toSorted()).toEqual([...expected.keys()].toSorted());
        for (const { id, paths } of made) {
          const { state, writer } = expected.get(paths[0]!)!;
          const reader = writer === ours ? theirs : ours;
          await expectRestores(reader, { ...place, source: paths[0]! }, { vault, id, state, writer });
        }
        expect(locksOf(vault)).toEqual([]);
      },
      PATIENCE,
    );

    peer.it(
      'our prune keeps out their backup, and lets it in afterwards',
      async () => {
        const vault = place.copyOf(filled);
        const pruning = await stopWithLock(vault, startOurs(vault, ['prune', '--max-unused', '0%']));
        const refused = await startTheirs(vault, ['backup', '--host', HOST, place.source]).ended;
        expect(refused).toMatchObject({ output: expect.stringContaining(`PID ${pruning.pid}`) });
        expect(refused.status).not.toBe(0);
        process.kill(pruning.pid, 'SIGCONT');
        expect((await pruning.ended).status).toBe(0);
        await theirs.backup(vault, place.source);
        await ours.check(vault);
      },
      PATIENCE,
    );

    peer.it(
      'our backup keeps out their prune, but not their backup',
      async () => {
        const vault = place.copyOf(filled);
        const backup = await stopWithLock(vault, startOurs(vault, ['backup', '--host', HOST, place.source]));
        await theirs.backup(vault, place.source);
        const refused = await startTheirs(vault, ['prune']).ended;
        expect(refused).toMatchObject({ output: expect.stringContaining(`PID ${backup.pid}`) });
        expect(refused.status).not.toBe(0);
        process.kill(backup.pid, 'SIGCONT');
        expect((await backup.ended).status).toBe(0);
        await theirs.prune(vault);
        await ours.check(vault);
      },
      PATIENCE,
    );

    peer.it(
      'their prune keeps out our backup with exit 11, unless it waits',
      async () => {
        const vault = place.copyOf(filled);
        const pruning = await stopWithLock(vault, startTheirs(vault, ['prune', '--max-unused', '0']));
        const backup = ['backup', '--host', HOST, place.source];
        const refused = await startOurs(vault, [...backup, '--wait-lock', '0s']).ended;
        expect(refused).toMatchObject({ status: 11, output: expect.stringContaining(`PID ${pruning.pid}`) });
        const waiting = startOurs(vault, [...backup, '--wait-lock', '4m']);
        await waiting.said('waiting for the exclusive lock');
        process.kill(pruning.pid, 'SIGCONT');
        expect((await pruning.ended).status).toBe(0);
        expect((await waiting.ended).status).toBe(0);
        await theirs.check(vault);
      },
      PATIENCE,
    );

    peer.it(
      'their backup keeps out our prune with exit 11, but not our backup',
      async () => {
        const vault = place.copyOf(filled);
        const backup = await stopWithLock(vault, startTheirs(vault, ['backup', '--host', HOST, place.source]));
        await ours.backup(vault, place.source);
        const refused = await startOurs(vault, ['prune', '--wait-lock', '0s']).ended;
        expect(refused).toMatchObject({ status: 11, output: expect.stringContaining(`PID ${backup.pid}`) });
        process.kill(backup.pid, 'SIGCONT');
        expect((await backup.ended).status).toBe(0);
        await ours.prune(vault);
        await theirs.check(vault);
      },
      PATIENCE,
    );

    peer.it(
      'the lock of a program that was killed does not keep out the other',
      async () => {
        const vault = place.copyOf(filled);
        const theirBackup = await stopWithLock(vault, startTheirs(vault, ['backup', '--host', HOST, place.source]));
        process.kill(theirBackup.pid, 'SIGKILL');
        await theirBackup.ended;
        await ours.prune(vault);
        expect(locksOf(vault)).toEqual([]);
        const ourBackup = await stopWithLock(vault, startOurs(vault, ['backup', '--host', HOST, place.source]));
        process.kill(ourBackup.pid, 'SIGKILL');
        await ourBackup.ended;
        expect(locksOf(vault)).toHaveLength(1);
        expect((await startTheirs(vault, ['unlock']).ended).status).toBe(0);
        expect(locksOf(vault)).toEqual([]);
        await theirs.prune(vault);
        await ours.check(vault);
      },
      PATIENCE,
    );
  });
}

function start(command: string, args: string[]): Started & { said(text: string): Promise<void> } {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // A test that fails must not leave a stopped program behind.
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const { promise: ended, resolve, reject } = Promise.withResolvers<{ status: number | null; output: string }>();
  child.on('error', reject);
  child.on('close', (status) => resolve({ status, output }));
  return {
    pid: child.pid!,
    ended,
    said: (text) =>
      new Promise((heard, missed) => {
        const listen = (): void => void (output.includes(text) && heard());
        listeners.add(listen);
        listen();
        void ended.then(() => missed(new Error(`it ended and said only: ${output}`)));
      }),
  };
}

/** Stops the program as soon as its lock is there, before it has done anything: both restic and holdfast wait a moment then and look again. */
async function stopWithLock(vault: Vault, started: Started): Promise<Started> {
  let ended = false;
  void started.ended.then(() => (ended = true));
  while (locksOf(vault).length === 0) {
    if (ended) throw new Error(`it ended without a lock: ${(await started.ended).output}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.kill(started.pid, 'SIGSTOP');
  return started;
}

function locksOf(vault: Vault): string[] {
  return readdirSync(path.join(vault.directory, 'locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
}
