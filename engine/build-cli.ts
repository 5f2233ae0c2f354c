/** Builds the Temporal CLI from source with Go, into holdfast's cache. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TEMPORAL_GO_PACKAGE, TEMPORAL_GO_VERSION_FLAG } from './cli-version.ts';
import type { InstallContext } from './download-cli.ts';

const PROGRESS_INTERVAL_MS = 15_000;
const BUILD_LIMIT_MS = 30 * 60_000;

/** Google's ways to other servers than its own, which come with the archive of histories in Google Cloud Storage: a quarter of all compiling. */
const LEFT_OUT = 'disable_grpc_modules';

/** Throws an Error whose message says why not; leaves nothing half done. */
export async function buildCli({ path, environment, onProgress, signal }: InstallContext): Promise<void> {
  onProgress(`building ${TEMPORAL_GO_PACKAGE} with Go; this takes about 4 minutes, once`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(dirname(path), '.build-'));
  const started = performance.now();
  const timer = setInterval(() => {
    onProgress(`still building (${Math.round((performance.now() - started) / 1000)} s)`);
  }, PROGRESS_INTERVAL_MS);
  try {
    await goInstall(folder, environment, signal);
    await rename(join(folder, 'temporal'), path);
    onProgress(`built in ${Math.round((performance.now() - started) / 1000)} s`);
  } finally {
    clearInterval(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

async function goInstall(
  folder: string,
  environment: InstallContext['environment'],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const signals = [AbortSignal.timeout(BUILD_LIMIT_MS), ...(signal === undefined ? [] : [signal])];
  const child = spawn(
    'go',
    ['install', '-trimpath', '-tags', LEFT_OUT, '-ldflags', `-s -w ${TEMPORAL_GO_VERSION_FLAG}`, TEMPORAL_GO_PACKAGE],
    {
      cwd: folder,
      // GOFLAGS and a GOOS of the environment could build something that does not run here.
      env: { ...environment, GOBIN: folder, GOFLAGS: '', GOOS: '', GOARCH: '' } as NodeJS.ProcessEnv,
      stdio: ['ignore', 'ignore', 'pipe'],
      signal: AbortSignal.any(signals),
    },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  child.on('error', (error: NodeJS.ErrnoException) =>
    reject(error.code === 'ENOENT' ? new Error('there is no go on the PATH') : error),
  );
  child.on('exit', (status) => {
    if (status === 0) resolve();
    else reject(new Error(`go install ended with status ${status}: ${said.trim().split('\n').slice(-3).join('; ')}`));
  });
  await promise;
}
