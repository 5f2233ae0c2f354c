import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { connect } from '../../engine/connection.ts';
import { startEmbedded } from '../../engine/embedded-server.ts';
import { ATTRIBUTE_NAMES } from '../../engine/search-attributes.ts';
import { identifyProcess, isAlive } from '../../engine/process-identity.ts';
import { readJson, serverPaths, writeJson, type RunningServer } from '../../engine/server-state.ts';
import { requirePeer } from '../peers.ts';
import { embeddedOptions, startServer, temporaryFolder } from './engine-fixture.ts';

const temporal = requirePeer('temporal');
const WAIT = { timeout: 60_000 };

/** Another process that uses the state folder's server. */
async function holder(stateDirectory: string, environment: NodeJS.ProcessEnv = process.env) {
  const script = fileURLToPath(new URL('./hold-server.ts', import.meta.url));
  const child = spawn(process.execPath, [script, stateDirectory, temporal.command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { address: string; started: boolean }) };
}

async function leave(child: ChildProcess): Promise<void> {
  child.stdin!.end();
  await once(child, 'exit');
}

const runningServer = async (state: string) => (await readJson<RunningServer>(serverPaths(state).server))!;

temporal.describe('The embedded server', () => {
  temporal.it(
    'is ready with its search attributes and a retention longer than a year, on 127.0.0.1 alone',
    async () => {
      await using state = await temporaryFolder('engine');
      const server = await startServer(state.path, temporal);
      try {
        expect(server.engine.address).toMatch(/^127\.0\.0\.1:\d+$/);
        const connection = await connect(server.engine);
        const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
        expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(ATTRIBUTE_NAMES));
        const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
        expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(400 * 24 * 3600);
        await connection.close();
        expect((await fetch(server.uiUrl)).status).toBe(200);
      } finally {
        await server.release();
      }
    },
  );

  temporal.it('is one for each state folder: a second start joins it, and the last one out stops it', async () => {
    await using state = await temporaryFolder('engine');
    const first = await holder(state.path);
    const second = await holder(state.path);
    expect([first.started, second.started]).toEqual([true, false]);
    expect(second.address).toBe(first.address);
    const { process: identity } = await runningServer(state.path);
    await leave(first.child);
    expect(await isAlive(identity)).toBe(true);
    await leave(second.child);
    expect(await isAlive(identity)).toBe(false);
  });

  temporal.it('is started once when two start at the same moment', async () => {
    await using state = await temporaryFolder('engine');
    const both = await Promise.all([holder(state.path), holder(state.path)]);
    expect(both.map(({ started }) => started).toSorted()).toEqual([false, true]);
    await Promise.all(both.map(({ child }) => leave(child)));
  });

  temporal.it('is found and reused after its parent was killed, and stopped by who reused it', async () => {
    await using state = await temporaryFolder('engine');
    const killed = await holder(state.path);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    const server = await startServer(state.path, temporal);
    expect(server.started).toBe(false);
    expect(server.engine.address).toBe(killed.address);
    const { process: identity } = await runningServer(state.path);
    await server.release();
    expect(await isAlive(identity)).toBe(false);
  });

  temporal.it('is found even when its parent was killed before it wrote down what it had started', async () => {
    await using state = await temporaryFolder('engine');
    const killed = await holder(state.path);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    await rm(serverPaths(state.path).server);
    const server = await startServer(state.path, temporal);
    expect(server.engine.address).toBe(killed.address);
    await server.release();
  });

  temporal.it('is not taken for another process that got its pid', async () => {
    await using state = await temporaryFolder('engine');
    const paths = serverPaths(state.path);
    await (await startServer(state.path, temporal)).release();
    // This process has the pid that the file names, but not the start time.
    const last = await runningServer(state.path);
    await writeJson(paths.server, { ...last, process: { pid: process.pid, startedAt: 'another boot/1' } });
    await writeJson(join(paths.holders, '1.json'), { pid: 1, startedAt: 'another boot/1' });
    const server = await startServer(state.path, temporal);
    expect(server.started).toBe(true);
    const { process: identity } = await runningServer(state.path);
    await server.release();
    expect(await isAlive(identity)).toBe(false);
    expect(await readdir(paths.holders)).toEqual([]);
    expect(await identifyProcess(process.pid)).toBeDefined();
  });

  temporal.it('is started again, where it was, when something killed it while it was used', async () => {
    await using state = await temporaryFolder('engine');
    const server = await startServer(state.path, temporal);
    const { process: killed } = await runningServer(state.path);
    process.kill(killed.pid, 'SIGKILL');
    await expect.poll(async () => (await runningServer(state.path)).process.pid, WAIT).not.toBe(killed.pid);
    const again = await runningServer(state.path);
    expect(`127.0.0.1:${again.port}`).toBe(server.engine.address);
    const connection = await connect(server.engine);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(ATTRIBUTE_NAMES));
    await connection.close();
    await server.release();
    expect(await isAlive(again.process)).toBe(false);
  });

  temporal.it('is given up, aloud, when it was killed and its database is gone', async () => {
    await using state = await temporaryFolder('engine');
    const server = await startServer(state.path, temporal);
    const { process: killed } = await runningServer(state.path);
    await rm(serverPaths(state.path).database);
    process.kill(killed.pid, 'SIGKILL');
    await expect(server.lost).rejects.toMatchObject({
      code: 'EngineUnreachable',
      hint: expect.stringContaining('start again'),
    });
    await server.release();
  });

  temporal.it('is stopped at the end although its state folder was removed', async () => {
    await using state = await temporaryFolder('engine');
    const server = await startServer(state.path, temporal);
    const { process: identity } = await runningServer(state.path);
    await rm(state.path, { recursive: true });
    await server.release();
    expect(await isAlive(identity)).toBe(false);
  });

  temporal.it('takes other ports when those of the last time are taken', async () => {
    await using state = await temporaryFolder('engine');
    const before = await startServer(state.path, temporal);
    await before.release();
    const port = Number(before.engine.address.split(':')[1]);
    const squatter = createServer().listen(port, '127.0.0.1');
    await once(squatter, 'listening');
    const server = await startServer(state.path, temporal);
    expect(server.engine.address).not.toBe(before.engine.address);
    await server.release();
    squatter.close();
  });

  temporal.it('sets a database of another server version aside, says so, and starts with a fresh one', async () => {
    await using state = await temporaryFolder('engine');
    const paths = serverPaths(state.path);
    await (await startServer(state.path, temporal)).release();
    const old = await readFile(paths.database);
    await writeFile(paths.stamp, JSON.stringify({ cli: '1.0.0', server: '1.22.0' }));
    const said: string[] = [];
    const server = await startEmbedded({
      ...embeddedOptions(state.path, temporal),
      onProgress: (line) => said.push(line),
    });
    await server.release();
    const aside = (await readdir(paths.directory)).find((name) => name.startsWith('temporal.db.server-1.22.0.'));
    expect(await readFile(join(paths.directory, aside!))).toEqual(old);
    expect(said.join()).toContain('set aside');
    expect(await readJson(paths.stamp)).toMatchObject({ server: '1.29.1' });
  });

  temporal.it('is never redirected by TEMPORAL_* variables of the environment', async () => {
    await using state = await temporaryFolder('engine');
    const misled = { TEMPORAL_ADDRESS: '192.0.2.1:7233', TEMPORAL_NAMESPACE: 'elsewhere', TEMPORAL_TLS: 'true' };
    const held = await holder(state.path, { ...process.env, ...misled });
    expect(held.address).toMatch(/^127\.0\.0\.1:/);
    const { process: identity } = await runningServer(state.path);
    const environment = await readFile(`/proc/${identity.pid}/environ`, 'utf8').catch(() => '');
    expect(environment).not.toContain('TEMPORAL_');
    await leave(held.child);
  });
});
