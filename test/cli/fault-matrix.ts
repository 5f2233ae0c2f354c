/**
 * What networks and servers do to whole commands, as one suite for every kind of remote storage: they finish, or say that
 * the storage cannot be reached (exit 6); nothing half-written is ever visible, and the next run goes on.
 */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { initRepository } from '../../repository/init-repository.ts';
import type { Storage } from '../../storage/storage.ts';
import { startFaultProxy } from '../servers/fault-proxy.ts';
import { itAsRoot } from '../peers.ts';
import { mountSmallDisk } from '../servers/small-disk.ts';
import type { Toxic } from '../servers/toxiproxy.ts';
import { runCli, type CliResult } from './run-cli.ts';

const PASSWORD = 'geheim';
const MiB = 1024 * 1024;

/** Long enough for a busy machine and for slow answers, short enough for a test. */
const PATIENCE = '5s';

/** Each request has five tries with pauses between them, and a command that gives up says good-bye to its lock. */
const COMMAND_LIMIT_MILLISECONDS = 90_000;

/** A server behind a proxy. */
export interface FaultyServer {
  /** Of a server that speaks HTTP: its own address. */
  endpoint?: string;
  /** What leads a command through the proxy, or, where there is one, through another endpoint. */
  optionsOf(repository: string, endpoint?: string): { args: string[]; environment: Record<string, string | undefined> };
  /** Without the proxy. */
  open(repository: string): Promise<Storage>;
  /** What the network does from now on. */
  setToxics(...toxics: Toxic[]): Promise<void>;
  /** Kills the server and starts it again. */
  restart(): Promise<void>;
  /** Where the server's own files can be looked at: those below the repository, as a client's names. */
  filesOf?(repository: string): string[];
  stop(): Promise<void>;
}

interface Bench {
  server: FaultyServer;
  storage: Storage;
  repository: string;
  source: string;
  folder: string;
  /** Sends the commands through an endpoint of its own from now on. */
  redirect(endpoint: string): void;
  /** `patience`: how long the server may be silent; short for what fails anyway. */
  run(args: string[], patience?: string): Promise<CliResult>;
}

/**
 * `start` makes a server whose files are below a folder, if one is given; `speaksHttp`: it may answer with statuses. Call it
 * inside a `describe` of the peers.
 */
export function describeFaults(start: (folder?: string) => Promise<FaultyServer>, speaksHttp = false): void {
  // Most of it is waiting for what does not answer; a busy machine adds its own.
  vi.setConfig({ testTimeout: 3 * COMMAND_LIMIT_MILLISECONDS });
  let home: string;
  let server: FaultyServer;
  let benches = 0;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'holdfast-faults-'));
    server = await start();
  });
  afterAll(async () => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });

  /** A fresh repository, and a source of so many MiB in files of 256 KiB. */
  async function withBench(sourceMiB: number, body: (bench: Bench) => Promise<void>, on = server): Promise<void> {
    await on.setToxics();
    const repository = `repository-${(benches += 1)}`;
    const folder = join(home, repository);
    const source = join(folder, 'source');
    mkdirSync(source, { recursive: true });
    addFiles(source, 'first', sourceMiB);
    const storage = await on.open(repository);
    // A key that is cheap to open, so that a test's time is its own.
    await initRepository(storage, PASSWORD, { kdf: { N: 1024, r: 8, p: 1 } });
    let through: string | undefined;
    const run: Bench['run'] = async ([command = '', ...args], patience = PATIENCE) => {
      const { args: where, environment } = on.optionsOf(repository, through);
      const begun = performance.now();
      const result = await runCli([command, ...where, ...args], {
        environment: { HOLDFAST_PASSWORD: PASSWORD, HOLDFAST_STORAGE_TIMEOUT: patience, ...environment },
      });
      expect(performance.now() - begun).toBeLessThan(COMMAND_LIMIT_MILLISECONDS);
      return result;
    };
    try {
      const redirect = (endpoint: string): void => void (through = endpoint);
      await body({ server: on, storage, repository, source, folder, redirect, run });
    } finally {
      await on.setToxics();
      await storage.close();
    }
  }

  it('commands finish, only slower, where every answer takes 200 ms', () =>
    withBench(1, async (bench) => {
      await bench.server.setToxics({ type: 'latency', attributes: { latency: 200 } });
      await expectDone(bench.run(['backup', bench.source]));
      await expectDone(bench.run(['check']));
    }));

  it('commands finish though connections are cut every 5 MiB', () =>
    withBench(12, async (bench) => {
      await bench.server.setToxics(...cutsAfter(5 * MiB));
      await expectDone(bench.run(['backup', bench.source, '--pack-size', '4MiB']));
      addFiles(bench.source, 'second', 6);
      await expectDone(bench.run(['backup', bench.source, '--pack-size', '4MiB']));
      await expectWhole(bench);
      await expectDone(bench.run(['check', '--read-data']));
      await expectRestored(bench);
    }));

  it('a backup fails where no connection lives long enough for a pack, and the next one finishes it', () =>
    withBench(6, async (bench) => {
      await bench.server.setToxics(...cutsAfter(100_000));
      await expectUnreachable(bench.run(['backup', bench.source]));
      await expectRepaired(bench);
    }));

  it('a server that falls silent ends a backup and a restore in time', () =>
    withBench(32, async (bench) => {
      const backup = await duringBackup(bench, () => bench.server.setToxics(SILENCE));
      await expectUnreachable(backup);
      await bench.server.setToxics();
      await expectRepaired(bench);
      await bench.server.setToxics(SILENCE);
      const target = join(bench.folder, 'silent');
      await expectUnreachable(bench.run(['restore', 'latest', '--path', bench.source, '--target', target], '1s'));
    }));

  it('a backup goes on when the server was killed and comes back', () =>
    withBench(32, async (bench) => {
      const backup = await duringBackup(bench, async () => {
        await bench.server.restart();
        await bench.server.setToxics();
      });
      await expectDone(backup);
      await expectRepaired(bench);
    }));

  if (speaksHttp) {
    it('a command that waits for a silent server says so', () =>
      withBench(1, async (bench) => {
        const proxy = await startFaultProxy(() => server.endpoint!);
        proxy.inject(() => ({ kind: 'hang' }));
        try {
          bench.redirect(proxy.endpoint);
          const snapshots = await bench.run(['snapshots'], '3s');
          await expectUnreachable(snapshots);
          expect(snapshots.stderr).toMatch(
            /^working: (s3|gs):\/\/vault does not answer; trying again( in \ds)? \(attempt [345] of 5\)\n/,
          );
        } finally {
          await proxy.stop();
        }
      }));

    it('commands finish though every third answer is 429, 500 or 503', () =>
      withBench(6, async (bench) => {
        const proxy = await startFaultProxy(() => server.endpoint!);
        let requests = 0;
        proxy.inject(() => {
          requests += 1;
          return requests % 3 === 0 ? { kind: 'status', status: [429, 500, 503][(requests / 3) % 3]! } : undefined;
        });
        try {
          bench.redirect(proxy.endpoint);
          await expectDone(bench.run(['backup', bench.source, '--pack-size', '4MiB']));
          await expectDone(bench.run(['check', '--read-data']));
          await expectRestored(bench);
          expect(requests).toBeGreaterThan(30);
        } finally {
          await proxy.stop();
        }
      }));

    it.each([429, 500])('a backup that is answered %i alone fails in time, and the next one finishes it', (status) =>
      withBench(6, async (bench) => {
        const proxy = await startFaultProxy(() => server.endpoint!);
        // What is small comes through: the run has a lock, and breaks off at its packs.
        proxy.inject((method, url) =>
          method !== 'GET' && /data(\/|%2F)/i.test(url) ? { kind: 'status', status } : undefined,
        );
        try {
          bench.redirect(proxy.endpoint);
          await expectUnreachable(bench.run(['backup', bench.source, '--pack-size', '4MiB']));
          expect(await namesOf(bench.storage, 'data/')).toEqual([]);
          proxy.inject(() => undefined);
          await expectRepaired(bench);
        } finally {
          await proxy.stop();
        }
      }),
    );
  }

  itAsRoot(
    'a full disk fails the backup and shows nothing half-written; with more room the next one finishes',
    async () => {
      const disk = mountSmallDisk(12);
      try {
        const below = join(disk.folder, 'server');
        mkdirSync(below);
        const small = await start(below);
        try {
          await withBench(
            16,
            async (bench) => {
              await expectUnreachable(bench.run(['backup', bench.source, '--pack-size', '4MiB']));
              await expectWhole(bench);
              await expectDone(bench.run(['check', '--read-data']));
              disk.grow(64);
              await expectRepaired(bench);
            },
            small,
          );
        } finally {
          await small.stop();
        }
      } finally {
        disk.unmount();
      }
    },
  );
}

/** Nothing passes any more, and nothing is closed. */
const SILENCE: Toxic = { type: 'timeout', attributes: { timeout: 0 } };

function cutsAfter(bytes: number): Toxic[] {
  return (['upstream', 'downstream'] as const).map((stream) => ({ type: 'limit_data', attributes: { bytes }, stream }));
}

function addFiles(source: string, name: string, sizeMiB: number): void {
  for (let number = 0; number < sizeMiB * 4; number += 1)
    writeFileSync(join(source, `${name} ${number}`), randomBytes(MiB / 4));
}

/** Runs a backup over a slow line, and does something to it when its first pack is there. */
async function duringBackup({ server, storage, source, run }: Bench, work: () => Promise<void>) {
  await server.setToxics({ type: 'bandwidth', attributes: { rate: 6 * 1024 }, stream: 'upstream' });
  const backup = run(['backup', source, '--pack-size', '4MiB'], '2s');
  let ended = false;
  void backup.finally(() => (ended = true)).catch(() => undefined);
  while ((await namesOf(storage, 'data/')).length === 0) {
    expect(ended).toBe(false);
    await sleep(50);
  }
  await work();
  return backup;
}

async function expectDone(result: CliResult | Promise<CliResult>): Promise<void> {
  const { status, stdout, stderr } = await result;
  expect([status, stdout, stderr]).toEqual([0, expect.any(String), expect.any(String)]);
}

async function expectUnreachable(result: CliResult | Promise<CliResult>): Promise<void> {
  const { status, stdout, stderr } = await result;
  expect([status, stdout, stderr]).toEqual([6, expect.any(String), expect.any(String)]);
}

/** Every object has the hash that is its name: it is all there. What the server has besides bears an unfinished file's name. */
async function expectWhole({ server, storage, repository }: Bench): Promise<void> {
  const names = await namesOf(storage, '');
  for (const name of names) {
    if (name === 'config') continue;
    const content = await storage.read(name);
    expect(`${name.slice(0, name.lastIndexOf('/'))}/${createHash('sha256').update(content).digest('hex')}`).toBe(name);
  }
  const shown = new Set(names);
  for (const file of server.filesOf?.(repository) ?? [])
    if (!shown.has(file)) expect(file).toMatch(/(^|\/)\.tmp-[0-9a-f]{8}-[0-9a-f]{16}$/);
}

/** The network and the server are well again: what there is is whole, and a backup makes of it what it should be. */
async function expectRepaired(bench: Bench): Promise<void> {
  await bench.server.setToxics();
  await expectWhole(bench);
  await expectDone(bench.run(['backup', bench.source]));
  await expectDone(bench.run(['check', '--read-data']));
  await expectRestored(bench);
}

async function expectRestored({ run, source, folder }: Bench): Promise<void> {
  const target = await mkdtemp(join(folder, 'restored-'));
  await expectDone(run(['restore', `latest:${source}`, '--path', source, '--target', target]));
  execFileSync('diff', ['-r', source, target]);
}

async function namesOf(storage: Storage, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list(prefix)) names.push(name);
  return names;
}
