/** The embedded engine: one Temporal server for each state folder, started by the first who needs it, stopped by the last. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { msToTs } from '@temporalio/common/lib/time.js';
import { HoldfastError } from '../common/errors.ts';
import { connect, type EngineAddress } from './connection.ts';
import { exclusively } from './exclusive-section.ts';
import { locateCli, type LocateOptions, type LocatedCli } from './locate-cli.ts';
import { isAlive } from './process-identity.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { SERVER_HOST, answers, findServerOf, spawnServer, stopServer } from './server-process.ts';
import {
  addHolder,
  createFolders,
  listHolders,
  readJson,
  removeHolder,
  serverPaths,
  writeJson,
  type RunningServer,
  type ServerPaths,
} from './server-state.ts';
import { watchServer, type ServerWatch } from './server-watch.ts';

export const EMBEDDED_NAMESPACE = 'default';

/** Closed runs stay readable in the UI this long; the dev server's own default is a day. */
const RETENTION_SECONDS = 400 * 24 * 3600;

/** SIGTERM takes 1.1 to 1.4 seconds; worker and server together must be gone within five. */
const STOP_LIMIT_MS = 2000;

/** A server that was found must answer in this time, or it hangs and is replaced. */
const FOUND_LIMIT_MS = 5000;

/** Long enough for another process to install a CLI. */
const LOCK_WAIT_SECONDS = 1800;
const SPAWN_ATTEMPTS = 3;

export interface EmbeddedOptions extends Omit<LocateOptions, 'onProgress'> {
  /** Absolute: `.holdfast` of the folder. */
  stateDirectory: string;
  onProgress: (line: string) => void;
  /** `unless-running`: only when no other process has one. Default: `no`. */
  worker?: 'yes' | 'no' | 'unless-running';
}

export interface EmbeddedServer {
  engine: EngineAddress;
  /** Where a person looks at histories. */
  uiUrl: string;
  /** False when another process had it running. */
  started: boolean;
  /** Whether this process is to run a worker: what `worker` asked for, decided. */
  needsWorker: boolean;
  paths: ServerPaths;
  /** Rejects with EngineUnreachable when the server ended on its own and could not be started again; otherwise never ends. */
  readonly lost: Promise<never>;
  /** Leaves the server; the last one to leave stops it. Call it once the worker has stopped. */
  release(): Promise<void>;
  /** For an end that cannot wait (a second Ctrl-C, work that does not stop): asks the server to stop when nobody else uses it. */
  abandon(): void;
}

/** Whether a server ever ran for the state folder: without a database there are no schedules. */
export function hasDatabase(stateDirectory: string): boolean {
  return existsSync(serverPaths(stateDirectory).database);
}

/** Joins the state folder's server, or starts it. Throws EngineUnreachable. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const paths = serverPaths(options.stateDirectory);
  await createFolders(paths);
  return exclusively(paths.lock, waitFor(options), async () => {
    const found = await findRunning(paths);
    const running = found ?? (await startFresh(options, paths));
    await writeJson(paths.server, running);
    const others = await listHolders(paths);
    const needsWorker =
      options.worker === 'yes' || (options.worker === 'unless-running' && !others.some((holder) => holder.worker));
    await addHolder(paths, needsWorker);
    const engine = { address: `${SERVER_HOST}:${running.port}`, namespace: EMBEDDED_NAMESPACE };
    try {
      await prepareNamespace(engine);
    } catch (error) {
      await leave(paths, STOP_LIMIT_MS);
      throw error;
    }
    const watch = watchServer(running, (signal) => revive({ ...options, signal }, paths));
    return {
      engine,
      uiUrl: `http://${SERVER_HOST}:${running.uiPort}/namespaces/${EMBEDDED_NAMESPACE}/workflows`,
      started: found === undefined,
      needsWorker,
      paths,
      lost: watch.lost,
      release: () => release(paths, running, watch),
      abandon: () => abandon(paths, running, watch),
    };
  });
}

function waitFor(options: EmbeddedOptions) {
  return {
    waitSeconds: LOCK_WAIT_SECONDS,
    onWait: () => options.onProgress('waiting for another holdfast, which starts or stops the engine of this folder'),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

/** The server was killed while this process uses it: whoever comes first starts it again, on its old ports. */
async function revive(options: EmbeddedOptions, paths: ServerPaths): Promise<RunningServer> {
  // On a fresh database there would be a server, and no schedules.
  if (!existsSync(paths.database))
    throw new HoldfastError('EngineUnreachable', `the embedded Temporal server ended, and ${paths.database} is gone`, {
      hint: 'start again: the policies are then applied to a fresh one',
    });
  return exclusively(paths.lock, waitFor(options), async () => {
    const found = await findRunning(paths);
    if (found !== undefined) return found;
    options.onProgress('the embedded Temporal server ended unexpectedly; starting it again');
    const running = await startFresh(options, paths);
    await writeJson(paths.server, running);
    return running;
  });
}

/** The server that runs for this state folder now, without starting one or holding on to it; undefined when there is none. */
export async function findEmbedded(stateDirectory: string): Promise<{ engine: EngineAddress } | undefined> {
  const running = await readJson<RunningServer>(serverPaths(stateDirectory).server);
  if (running === undefined || !(await isAlive(running.process))) return undefined;
  return { engine: { address: `${SERVER_HOST}:${running.port}`, namespace: EMBEDDED_NAMESPACE } };
}

/** The server that `server.json` names, or one whose parent was killed before it wrote that. One that hangs is ended. */
async function findRunning(paths: ServerPaths): Promise<RunningServer | undefined> {
  const known = await readJson<RunningServer>(paths.server);
  const candidate = known !== undefined && (await isAlive(known.process)) ? known : await findServerOf(paths.database);
  if (candidate === undefined) return undefined;
  const until = performance.now() + FOUND_LIMIT_MS;
  while (performance.now() < until) if (await answers(candidate.port, 1000)) return candidate;
  await stopServer(candidate.process, STOP_LIMIT_MS);
  return undefined;
}

async function startFresh(options: EmbeddedOptions, paths: ServerPaths): Promise<RunningServer> {
  const cli = await locateCli(options);
  await prepareDatabase(options, paths, cli);
  const last = await readJson<RunningServer>(paths.server);
  for (let attempt = 1; ; attempt++) {
    try {
      return await spawnServer({
        cliPath: cli.path,
        paths,
        environment: options.environment,
        ...(last === undefined || attempt > 1 ? {} : { preferred: last }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      // One that hung for a minute would do so again; one that ended may have lost a race for its port.
      const hasEnded = error instanceof HoldfastError && error.context['ended'] === true;
      if (!hasEnded || attempt === SPAWN_ATTEMPTS) throw error;
    }
  }
}

/** The database has no migrations: one that another server made is set aside, and policies are applied to a fresh one. */
async function prepareDatabase(options: EmbeddedOptions, paths: ServerPaths, cli: LocatedCli): Promise<void> {
  const stamp = await readJson<{ server: string }>(paths.stamp);
  if (stamp !== undefined && stamp.server !== cli.version.server) {
    const aside = `${paths.database}.server-${stamp.server}.${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    for (const suffix of ['', '-wal', '-shm'])
      await rename(paths.database + suffix, aside + suffix).catch(ignoreMissing);
    options.onProgress(
      `the engine's database was made by Temporal server ${stamp.server}, this is ${cli.version.server}: ` +
        `set aside as ${aside}, starting with a fresh one (policies are applied again; evidence is not in it)`,
    );
    await rm(paths.stamp);
  }
  await writeJson(paths.stamp, cli.version);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function prepareNamespace(engine: EngineAddress): Promise<void> {
  const connection = await connect(engine);
  try {
    await registerSearchAttributes(connection, engine.namespace);
    await connection.workflowService.updateNamespace({
      namespace: engine.namespace,
      config: { workflowExecutionRetentionTtl: msToTs(RETENTION_SECONDS * 1000) },
    });
  } finally {
    await connection.close();
  }
}

async function release(paths: ServerPaths, joined: RunningServer, watch: ServerWatch): Promise<void> {
  await watch.stop();
  // Someone removed the state folder: no file says any more who uses the server, and without its database it is no use.
  if (!existsSync(paths.directory)) return stopServer(joined.process, STOP_LIMIT_MS);
  try {
    await exclusively(paths.lock, { waitSeconds: 1 }, () => leave(paths, STOP_LIMIT_MS));
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    // Someone is joining at this moment, and will be the last to leave.
    await removeHolder(paths);
  }
}

async function leave(paths: ServerPaths, limitMs: number): Promise<void> {
  await removeHolder(paths);
  if ((await listHolders(paths)).length > 0) return;
  const running = await readJson<RunningServer>(paths.server);
  if (running !== undefined) await stopServer(running.process, limitMs);
}

/** Without waiting, for the very end of the process; so it reads files synchronously. */
function abandon(paths: ServerPaths, joined: RunningServer, watch: ServerWatch): void {
  void watch.stop();
  try {
    if (!existsSync(paths.directory)) return void process.kill(joined.process.pid, 'SIGTERM');
    const others = readdirSync(paths.holders).filter((name) => name !== `${process.pid}.json`);
    rmSync(join(paths.holders, `${process.pid}.json`), { force: true });
    if (others.length > 0) return;
    const { process: server } = JSON.parse(readFileSync(paths.server, 'utf8')) as RunningServer;
    process.kill(server.pid, 'SIGTERM');
  } catch {
    // A server that is left is found and reused by the next start.
  }
}
