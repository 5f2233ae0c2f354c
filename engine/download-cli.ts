/** Installs the Temporal CLI from the official download into holdfast's cache. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import {
  TEMPORAL_CHECKSUMS_URL,
  TEMPORAL_CLI_VERSION,
  temporalArchiveName,
  temporalArchiveUrl,
} from './cli-version.ts';

export interface InstallContext {
  /** Where the executable must stand in the end; until then it is not there at all. */
  path: string;
  environment: Readonly<Record<string, string | undefined>>;
  onProgress: (line: string) => void;
  signal?: AbortSignal;
}

/** An archive has about 50 MB: a connection that needs longer is no help. */
const DOWNLOAD_LIMIT_MS = 300_000;
const CONNECT_LIMIT_MS = 10_000;

/** Throws an Error whose message says why not; leaves nothing half done. */
export async function downloadCli({ path, onProgress, signal }: InstallContext): Promise<void> {
  const [platform, architecture] = target();
  const url = temporalArchiveUrl(platform, architecture);
  onProgress(`downloading Temporal CLI ${TEMPORAL_CLI_VERSION} from ${new URL(url).host}`);
  const archive = await get(url, DOWNLOAD_LIMIT_MS, signal);
  await verify(archive, temporalArchiveName(platform, architecture), { onProgress, signal });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(dirname(path), '.install-'));
  try {
    await writeFile(join(folder, 'archive.tar.gz'), archive);
    await extract(folder);
    await chmod(join(folder, 'temporal'), 0o755);
    await rename(join(folder, 'temporal'), path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The names that the download uses. */
function target(): [platform: string, architecture: string] {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (architecture === undefined || !['linux', 'darwin'].includes(process.platform))
    throw new Error(`there is none for ${process.platform} on ${process.arch}`);
  return [process.platform, architecture];
}

async function get(url: string, limitMs: number, signal: AbortSignal | undefined): Promise<Buffer> {
  const connecting = new AbortController();
  const timer = setTimeout(() => connecting.abort(new Error('no answer')), CONNECT_LIMIT_MS);
  const signals = [connecting.signal, AbortSignal.timeout(limitMs), ...(signal === undefined ? [] : [signal])];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    clearTimeout(timer);
    // A redirect may lead anywhere, but never to a connection that others can read and change.
    if (!response.url.startsWith('https://')) throw new Error(`redirected to ${response.url}, which is not https`);
    if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code;
    throw new Error(`${new URL(url).host}: ${cause ?? (error as Error).message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Against the checksums that the release publishes; when these are out of reach, https alone vouches for the archive. */
async function verify(
  archive: Buffer,
  name: string,
  { onProgress, signal }: Pick<InstallContext, 'onProgress' | 'signal'>,
): Promise<void> {
  let checksums: string;
  try {
    checksums = (await get(TEMPORAL_CHECKSUMS_URL, CONNECT_LIMIT_MS, signal)).toString();
  } catch (error) {
    onProgress(`the archive's checksum could not be looked up (${(error as Error).message}); https vouches for it`);
    return;
  }
  const wanted = checksumOf(checksums, name);
  const actual = createHash('sha256').update(archive).digest('hex');
  if (wanted !== undefined && wanted !== actual)
    throw new Error(`the archive's SHA-256 is ${actual}, but ${TEMPORAL_CHECKSUMS_URL} says ${wanted}`);
}

/** The SHA-256 of a file in a list of lines `HASH  NAME`. */
export function checksumOf(checksums: string, name: string): string | undefined {
  for (const line of checksums.split('\n')) {
    const [hash, file] = line.trim().split(/\s+\*?/);
    if (file === name) return hash;
  }
  return undefined;
}

async function extract(folder: string): Promise<void> {
  const child = spawn('tar', ['-xzf', 'archive.tar.gz', 'temporal'], { cwd: folder, stdio: 'ignore' });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`tar could not unpack the archive (status ${status})`);
}
