/** What holdfast needs of a machine, examined part by part: for `holdfast doctor`. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Environment } from './command.ts';
import { cacheDirectoryOf, stateDirectoryOf } from './state-folder.ts';

export interface Examination {
  name: string;
  /** `advice`: works without, but better with. */
  state: 'ok' | 'advice' | 'missing';
  /** What was found, or what it is needed for. */
  detail: string;
  /** A command, or what to do. */
  fix?: string;
}

export interface Machine {
  environment: Environment;
  /** The folder that holds, or will hold, `policies/` and `.holdfast/`. */
  directory: string;
}

/** Packs and their index are open at once; below this many descriptors a backup beside the engine runs short. */
const WANTED_OPEN_FILES = 4096;
/** The state folder holds the engine's database, logs and the demo's repository. */
const WANTED_FREE_BYTES = 1024 ** 3;

export async function examineMachine(machine: Machine): Promise<Examination[]> {
  const packages = findPackageManager(machine.environment);
  const examinations = [
    examineNode(),
    examineAddOn('sodium-native', 'the repository’s message authentication'),
    examineAddOn('koffi', 'times in nanoseconds and extended attributes'),
    examineGit(machine, packages),
    examineTemporal(machine, packages),
    examineState(machine),
    examineFreeSpace(machine),
    examineOpenFiles(),
    examinePolicies(machine),
    examineRestic(machine, packages),
  ].map((examination) => Promise.resolve(examination));
  return Promise.all(examinations);
}

function examineNode(): Examination {
  const name = 'Node';
  const { version } = process;
  if (Number(process.versions.node.split('.')[0]) < 24)
    return { name, state: 'missing', detail: `${version}; 24 or later is needed`, fix: 'npm install node@24' };
  if (typeof zlib.zstdCompressSync !== 'function')
    return { name, state: 'missing', detail: `${version}, built without zstd`, fix: 'npm install node@24' };
  return { name, state: 'ok', detail: `${version}, with zstd` };
}

async function examineAddOn(module: string, purpose: string): Promise<Examination> {
  const name = `add-on ${module}`;
  try {
    await import(module);
    return { name, state: 'ok', detail: purpose };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return { name, state: 'missing', detail: `${purpose}; it does not load: ${reason}`, fix: 'npm ci' };
  }
}

async function examineGit(machine: Machine, packages: string | undefined): Promise<Examination> {
  const version = await versionOf('git', ['--version'], machine.environment);
  if (version !== undefined) return { name: 'git', state: 'ok', detail: version };
  const detail = 'not found: apply names the commit that the policies come from';
  return { name: 'git', state: 'missing', detail, fix: installCommand(packages, 'git') };
}

/** A CLI that is not there yet is no fault when holdfast can fetch or build it at the first start. */
async function examineTemporal(machine: Machine, packages: string | undefined): Promise<Examination> {
  const name = 'temporal CLI';
  const { environment } = machine;
  const [{ cachedCliPath }, { parseCliVersion, TEMPORAL_SERVER_VERSION }] = await Promise.all([
    import('../engine/locate-cli.ts'),
    import('../engine/cli-version.ts'),
  ]);
  const places = [environment['HOLDFAST_TEMPORAL_CLI'], 'temporal', cachedCliPath(cacheDirectoryOf(environment))];
  for (const place of places) {
    if (place === undefined || place === '') continue;
    const said = await versionOf(place, ['--version'], environment);
    if (said === undefined || parseCliVersion(said)?.server !== TEMPORAL_SERVER_VERSION) continue;
    return { name, state: 'ok', detail: `${place}: ${said}` };
  }
  const go = await versionOf('go', ['version'], environment);
  const needed = `none with server ${TEMPORAL_SERVER_VERSION}; the first start downloads it`;
  if (go !== undefined) return { name, state: 'ok', detail: `${needed}, or builds it with ${go} (about 4 minutes)` };
  return {
    name,
    state: 'advice',
    detail: `${needed}, which needs internet (the repository commands work without)`,
    fix: installCommand(packages, 'golang-go'),
  };
}

async function examineRestic(machine: Machine, packages: string | undefined): Promise<Examination> {
  const version = await versionOf('restic', ['version'], machine.environment);
  if (version !== undefined) return { name: 'restic', state: 'ok', detail: version };
  const detail = 'not found; optional: it reads the same repositories, should holdfast ever be gone';
  return { name: 'restic', state: 'advice', detail, fix: installCommand(packages, 'restic') };
}

async function examineState({ directory }: Machine): Promise<Examination> {
  const name = 'state folder';
  const state = stateDirectoryOf(directory);
  const place = existsSync(state) ? state : directory;
  try {
    await access(place, constants.W_OK | constants.X_OK);
    return { name, state: 'ok', detail: `${state}${place === state ? '' : ' (made at the first start)'}` };
  } catch {
    const detail = `${place} is not writable for this account`;
    return { name, state: 'missing', detail, fix: `chown ${process.getuid?.() ?? 'USER'} ${place}` };
  }
}

async function examineFreeSpace({ directory }: Machine): Promise<Examination> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${directory}`;
  if (free >= WANTED_FREE_BYTES) return { name: 'free space', state: 'ok', detail };
  return { name: 'free space', state: 'advice', detail, fix: `free some space: du -xh ${directory} | sort -h | tail` };
}

function examineOpenFiles(): Examination {
  const name = 'open files';
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return { name, state: 'ok', detail: 'this platform does not tell its limit' };
  }
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? 'unlimited';
  const detail = `at most ${soft} at once`;
  if (soft === 'unlimited' || Number(soft) >= WANTED_OPEN_FILES) return { name, state: 'ok', detail };
  return { name, state: 'advice', detail, fix: `ulimit -n ${WANTED_OPEN_FILES}` };
}

function examinePolicies({ directory }: Machine): Examination {
  const folder = join(directory, 'policies');
  if (existsSync(folder)) return { name: 'policies', state: 'ok', detail: folder };
  return { name: 'policies', state: 'advice', detail: `no folder ${folder}`, fix: 'holdfast init' };
}

/** The first line that the program prints, or undefined when it is not there or does not run. */
async function versionOf(program: string, args: string[], environment: Environment): Promise<string | undefined> {
  try {
    const options = { env: environment as NodeJS.ProcessEnv, timeout: 10_000 };
    const { stdout } = await promisify(execFile)(program, args, options);
    return stdout.split('\n')[0]!.trim();
  } catch {
    return undefined;
  }
}

function findPackageManager(environment: Environment): string | undefined {
  const folders = (environment['PATH'] ?? '').split(delimiter);
  const managers = ['apt-get', 'dnf', 'apk', 'zypper', 'pacman', 'brew'];
  return managers.find((manager) => folders.some((folder) => existsSync(join(folder, manager))));
}

function installCommand(manager: string | undefined, name: string): string {
  if (manager === undefined) return `install ${name}`;
  if (manager === 'brew') return `brew install ${name === 'golang-go' ? 'go' : name}`;
  const verb = { apk: 'add', pacman: '-S' }[manager] ?? 'install -y';
  const known = name === 'golang-go' && manager !== 'apt-get' ? 'go' : name;
  return `sudo ${manager} ${verb} ${known}`;
}
