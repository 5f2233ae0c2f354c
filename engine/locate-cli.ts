/** Finds the Temporal CLI of the embedded engine: named, on the PATH, in holdfast's cache, or installed there now. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { TEMPORAL_CLI_VERSION, TEMPORAL_SERVER_VERSION, parseCliVersion, type CliVersion } from './cli-version.ts';
import { downloadCli, type InstallContext } from './download-cli.ts';
import { buildCli } from './build-cli.ts';

export interface LocateOptions {
  /** Taken as it is, whatever its version. */
  explicitPath?: string;
  /** holdfast's own cache folder; the CLI goes into it, by version. */
  cacheDirectory: string;
  /** Of this process: PATH to search, HOME and GO* for the build. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Told in lines what takes long. */
  onProgress: (line: string) => void;
  /** How an archive is fetched and installed; default: the official one. */
  download?: (context: InstallContext) => Promise<void>;
  signal?: AbortSignal;
}

export interface LocatedCli {
  path: string;
  version: CliVersion;
}

/**
 * In this order: the explicit path, PATH, the cache, the official download, `go install`. On the PATH and in the cache
 * only a CLI with our server's version counts, because the database has no migrations; one that was named may be any,
 * and gets a database of its own. Throws EngineUnreachable with everything that was tried.
 */
export async function locateCli(options: LocateOptions): Promise<LocatedCli> {
  if (options.explicitPath !== undefined) return explicitCli(options.explicitPath);
  const tried: string[] = [];
  for (const find of [findOnPath, findInCache, installByDownload, installByBuild]) {
    throwIfAborted(options.signal);
    const found = await find(options, tried);
    if (found !== undefined) return found;
  }
  throw new HoldfastError(
    'EngineUnreachable',
    `no Temporal CLI for the embedded engine: ${tried.map((line) => `\n  - ${line}`).join('')}`,
    {
      hint:
        `install Temporal CLI ${TEMPORAL_CLI_VERSION} (https://docs.temporal.io/cli), or Go, and start again; ` +
        'or name a CLI in HOLDFAST_TEMPORAL_CLI',
    },
  );
}

async function explicitCli(path: string): Promise<LocatedCli> {
  const version = await versionOf(path);
  if (typeof version !== 'string') return { path, version };
  throw new HoldfastError('EngineUnreachable', `the Temporal CLI that was named does not work: ${path} ${version}`, {
    hint: 'correct HOLDFAST_TEMPORAL_CLI, or unset it',
  });
}

async function findOnPath({ environment }: LocateOptions, tried: string[]): Promise<LocatedCli | undefined> {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const found = await accept(join(folder, 'temporal'), tried);
    if (found !== undefined) return found;
  }
  tried.push(`PATH: no temporal with server ${TEMPORAL_SERVER_VERSION} in it`);
  return undefined;
}

async function findInCache({ cacheDirectory }: LocateOptions, tried: string[]): Promise<LocatedCli | undefined> {
  const path = cachedCliPath(cacheDirectory);
  const found = await accept(path, tried);
  if (found === undefined) tried.push(`cache: nothing usable at ${path}`);
  return found;
}

async function installByDownload(options: LocateOptions, tried: string[]): Promise<LocatedCli | undefined> {
  return install(options.download ?? downloadCli, 'download', options, tried);
}

async function installByBuild(options: LocateOptions, tried: string[]): Promise<LocatedCli | undefined> {
  return install(buildCli, 'go install', options, tried);
}

async function install(
  how: (context: InstallContext) => Promise<void>,
  name: string,
  options: LocateOptions,
  tried: string[],
): Promise<LocatedCli | undefined> {
  const path = cachedCliPath(options.cacheDirectory);
  try {
    await how({ ...options, path });
  } catch (error) {
    throwIfAborted(options.signal);
    const reason = `${name}: ${error instanceof Error ? error.message : String(error)}`;
    options.onProgress(reason);
    tried.push(reason);
    return undefined;
  }
  const found = await accept(path, tried);
  if (found === undefined) tried.push(`${name}: what was installed at ${path} does not run`);
  return found;
}

/** `CACHE/temporal-cli/VERSION/temporal`. */
export function cachedCliPath(cacheDirectory: string): string {
  return join(cacheDirectory, 'temporal-cli', TEMPORAL_CLI_VERSION, 'temporal');
}

async function accept(path: string, tried: string[]): Promise<LocatedCli | undefined> {
  try {
    await access(path, constants.X_OK);
  } catch {
    return undefined;
  }
  const version = await versionOf(path);
  if (typeof version === 'string') tried.push(`${path}: ${version}`);
  else if (version.server === TEMPORAL_SERVER_VERSION) return { path, version };
  else tried.push(`${path}: has server ${version.server}, needed is ${TEMPORAL_SERVER_VERSION}`);
  return undefined;
}

/** The version, or what is wrong, as the end of a sentence. */
async function versionOf(path: string): Promise<CliVersion | string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 30_000 });
    return parseCliVersion(stdout) ?? `says "${stdout.trim().slice(0, 100)}" to --version`;
  } catch (error) {
    return `cannot be run (${(error as NodeJS.ErrnoException).code ?? 'it failed'})`;
  }
}
