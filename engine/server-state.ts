/** What a state folder knows about its server: where its files are, which server runs, who uses it. */
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts';

/** All below `STATE/engine`. */
export interface ServerPaths {
  directory: string;
  lock: string;
  database: string;
  /** Which server made the database. */
  stamp: string;
  /** The server that runs, or ran last. */
  server: string;
  /** One file for each process that uses the server. */
  holders: string;
  log: string;
  workerLog: string;
}

export interface RunningServer {
  process: ProcessIdentity;
  port: number;
  uiPort: number;
}

export function serverPaths(stateDirectory: string): ServerPaths {
  const directory = join(stateDirectory, 'engine');
  return {
    directory,
    lock: join(directory, 'lock'),
    database: join(directory, 'temporal.db'),
    stamp: join(directory, 'database-version.json'),
    server: join(directory, 'server.json'),
    holders: join(directory, 'holders'),
    log: join(directory, 'server.log'),
    workerLog: join(directory, 'worker.log'),
  };
}

export async function createFolders(paths: ServerPaths): Promise<void> {
  await mkdir(paths.holders, { recursive: true, mode: 0o700 });
}

/** A JSON file; undefined when it is missing or was cut off by a crash. */
export async function readJson<Content>(path: string): Promise<Content | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Content;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** All or nothing. */
export async function writeJson(path: string, content: unknown): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

interface Holder extends ProcessIdentity {
  /** Whether it executes runs, or only talks to the server. */
  worker: boolean;
}

/** This process uses the server from now on. */
export async function addHolder(paths: ServerPaths, worker: boolean): Promise<void> {
  await writeJson(holderFile(paths, process.pid), { ...(await identifyProcess(process.pid)), worker });
}

export async function removeHolder(paths: ServerPaths): Promise<void> {
  await rm(holderFile(paths, process.pid), { force: true });
}

/** The living processes that use the server; files of dead ones are removed on the way. */
export async function listHolders(paths: ServerPaths): Promise<Holder[]> {
  const living: Holder[] = [];
  for (const name of await readdir(paths.holders)) {
    if (!name.endsWith('.json')) continue;
    const holder = await readJson<Holder>(join(paths.holders, name));
    if (holder !== undefined && (await isAlive(holder))) living.push(holder);
    else await rm(join(paths.holders, name), { force: true });
  }
  return living;
}

function holderFile(paths: ServerPaths, pid: number): string {
  return join(paths.holders, `${pid}.json`);
}
