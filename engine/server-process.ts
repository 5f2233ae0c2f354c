/** The server's process: spawns `temporal server start-dev`, finds one that is there already, stops it. */
import { spawn } from 'node:child_process';
import { open, readFile, readdir, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { commandLineOf, identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';
import type { RunningServer, ServerPaths } from './server-state.ts';

export const SERVER_HOST = '127.0.0.1';

const READY_LIMIT_MS = 60_000;
const POLL_MS = 50;
const LARGEST_LOG_BYTES = 4 * 1024 * 1024;

export interface SpawnOptions {
  cliPath: string;
  paths: ServerPaths;
  environment: Readonly<Record<string, string | undefined>>;
  /** Taken again when they are free, so that a bookmark of the UI stays good. */
  preferred?: { port: number; uiPort: number };
  signal?: AbortSignal;
}

/** Whether what answers at this port is a Temporal server that works. */
export async function answers(port: number, limitMs: number): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address: `${SERVER_HOST}:${port}`, connectTimeout: limitMs });
    await connection.withDeadline(Date.now() + limitMs, () =>
      connection!.workflowService.describeNamespace({ namespace: 'default' }),
    );
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}

/**
 * Starts a server on free ports and waits until it answers. Throws EngineUnreachable with the log's reason when it
 * ends first (`context.ended`) or stays silent for a minute. Between finding a port free and binding it another process
 * may take it, and now and then a server panics while it starts: the caller tries again.
 */
export async function spawnServer(options: SpawnOptions): Promise<RunningServer> {
  const port = await freePort(options.preferred?.port);
  const uiPort = await freePort(options.preferred?.uiPort, port);
  await rotateLog(options.paths.log);
  const log = await open(options.paths.log, 'a', 0o600);
  const child = spawn(options.cliPath, serverArguments(options.paths, port, uiPort), {
    // A group of its own: Ctrl-C of the terminal reaches holdfast, which lets the worker finish first.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: withoutTemporal(options.environment),
  });
  let ended = false;
  child.on('error', () => (ended = true));
  child.on('exit', () => (ended = true));
  child.unref();
  await log.close();
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  const until = performance.now() + READY_LIMIT_MS;
  while (identity !== undefined && !ended && performance.now() < until) {
    if (options.signal?.aborted === true) {
      await stopServer(identity, 1500);
      throwIfAborted(options.signal);
    }
    if (await answers(port, 2000)) return { process: identity, port, uiPort };
    await sleep(POLL_MS);
  }
  if (identity !== undefined) await stopServer(identity, 0);
  throw new HoldfastError('EngineUnreachable', `the embedded Temporal server did not start: ${await logEnd(options)}`, {
    hint: `read ${options.paths.log}`,
    context: { ended },
  });
}

function serverArguments(paths: ServerPaths, port: number, uiPort: number): string[] {
  return [
    ...['server', 'start-dev', '--ip', SERVER_HOST, '--port', String(port)],
    ...['--ui-port', String(uiPort), '--db-filename', paths.database, '--log-level', 'warn'],
    // Saves a round trip through the matching service at each step of a run.
    ...['--dynamic-config-value', 'system.enableActivityEagerExecution=true'],
    // The user's own configuration is for the user's own servers.
    ...['--disable-config-file', '--disable-config-env'],
  ];
}

/** TEMPORAL_* of the environment is meant for other clients: it must not reach this server. */
function withoutTemporal(environment: SpawnOptions['environment']): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('TEMPORAL_')),
  ) as NodeJS.ProcessEnv;
}

/**
 * A living server on this database that no file knows of: its parent was killed before it wrote one. Two servers on
 * one database would ruin it, and the server itself takes no lock.
 */
export async function findServerOf(database: string): Promise<RunningServer | undefined> {
  for (const pid of await processIds()) {
    const words = await commandLineOf(pid);
    if (words === undefined || !words.includes('start-dev') || !words.includes(database)) continue;
    const identity = await identifyProcess(pid);
    const port = Number(words[words.indexOf('--port') + 1]);
    const uiPort = Number(words[words.indexOf('--ui-port') + 1]);
    if (identity !== undefined && port > 0 && uiPort > 0) return { process: identity, port, uiPort };
  }
  return undefined;
}

/** Only Linux lists them as files; elsewhere such an orphan is not looked for. */
async function processIds(): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  return (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
}

/** SIGTERM, and SIGKILL once the limit has passed: the database survives both. */
export async function stopServer(identity: ProcessIdentity, limitMs: number): Promise<void> {
  if (!(await isAlive(identity))) return;
  send(identity.pid, 'SIGTERM');
  const until = performance.now() + limitMs;
  while (performance.now() < until) {
    if (!(await isAlive(identity))) return;
    await sleep(POLL_MS);
  }
  send(identity.pid, 'SIGKILL');
  while (await isAlive(identity)) await sleep(POLL_MS);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A port that nobody listens on: the preferred one when it is free, else any but `not`. */
async function freePort(preferred = 0, not = 0): Promise<number> {
  const server = createServer();
  try {
    server.listen(preferred === not ? 0 : preferred, SERVER_HOST);
    await once(server, 'listening');
    const port = (server.address() as { port: number }).port;
    return port === not ? await freePort(0, not) : port;
  } catch (error) {
    if (preferred === 0) throw error;
    return await freePort(0, not);
  } finally {
    server.close();
  }
}

async function rotateLog(path: string): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > LARGEST_LOG_BYTES) await rename(path, `${path}.1`);
}

/** The line that says why, where there is one: a panic ends with a stack that says little. */
async function logEnd({ paths }: SpawnOptions): Promise<string> {
  const lines = (await readFile(paths.log, 'utf8')).trim().split('\n').slice(-200);
  const cause = lines.findLast((line) => /^panic|level=ERROR|^error/i.test(line));
  return (cause ?? lines.at(-1) ?? '').slice(0, 600) || 'it said nothing';
}
