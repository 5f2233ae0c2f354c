/** The assertions of a restore test: about paths of the restored data, and scripts run in it. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { throwIfAborted } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import { formatDuration } from '../common/durations.ts';
import type { RestoreAssertion, RestoreTestSettings } from '../domain/action.ts';
import type { FindingList } from '../domain/findings.ts';

export interface AssertionContext {
  settings: RestoreTestSettings;
  /** The folder into which the snapshot's root was restored; absolute. */
  target: string;
  /** When the snapshot was made: data cannot be newer. */
  snapshotTime: Date;
  /** Everything was restored, not a sample. */
  full: boolean;
  allowCommands: boolean;
  findings: FindingList;
  signal: AbortSignal;
}

/** Runs all assertions; each that does not hold is a finding `assertion/failed`. */
export async function runAssertions(context: AssertionContext): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  for (const assertion of context.settings.assertions) {
    throwIfAborted(context.signal);
    const failure = await check(assertion, context);
    if (failure === undefined) {
      counts.passed++;
      continue;
    }
    counts.failed++;
    context.findings.add({
      code: 'assertion/failed',
      severity: 'critical',
      subject: assertion.path,
      message: `${describe(assertion)} does not hold in the restored data: ${failure}`,
      hint: 'Look whether the data was already wrong when it was backed up; an older snapshot may have it right.',
    });
  }
  return counts;
}

/** The paths that assertions are about, absolute in the snapshot, for each source directory that may have them. */
export function assertedPaths({ assertions, directories }: RestoreTestSettings): string[] {
  return assertions
    .filter((assertion) => assertion.kind !== 'script')
    .flatMap(({ path }) =>
      isAbsolute(path) ? [resolve(path)] : directories.map((directory) => resolve(directory, path)),
    );
}

function describe(assertion: RestoreAssertion): string {
  if (assertion.kind === 'script') return `the script ${assertion.path}`;
  return assertion.kind === 'exists' ? `"${assertion.path} exists"` : `the assertion on ${assertion.path}`;
}

/** Undefined when it holds; otherwise why not. */
async function check(assertion: RestoreAssertion, context: AssertionContext): Promise<string | undefined> {
  if (assertion.kind === 'script') return runScript(assertion, context);
  const found = await findPath(assertion.path, context);
  if (found === undefined) return 'it is not there';
  if (assertion.kind === 'exists') return undefined;
  if (!found.isFile()) return 'it is no file';
  const { minSizeBytes, newerThanSeconds } = assertion;
  if (minSizeBytes !== undefined && found.size < minSizeBytes) {
    return `it has ${formatBytes(found.size)}, less than ${formatBytes(minSizeBytes)}`;
  }
  const ageSeconds = (context.snapshotTime.getTime() - found.mtimeMs) / 1000;
  if (newerThanSeconds !== undefined && ageSeconds > newerThanSeconds) {
    return `it was ${formatDuration(ageSeconds)} old when it was backed up, more than ${formatDuration(newerThanSeconds)}`;
  }
  return undefined;
}

/** The first source directory that has it. */
async function findPath(path: string, { settings, target }: AssertionContext) {
  const candidates = isAbsolute(path) ? [path] : settings.directories.map((directory) => resolve(directory, path));
  for (const candidate of candidates) {
    try {
      return await stat(join(target, candidate));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error;
    }
  }
  return undefined;
}

/** Of a script's output, what a finding shows. */
const OUTPUT_TAIL_BYTES = 500;
const KILL_AFTER_MS = 1500;

async function runScript(
  assertion: Extract<RestoreAssertion, { kind: 'script' }>,
  context: AssertionContext,
): Promise<string | undefined> {
  if (!context.allowCommands) return 'this worker may not run programs (it was started without --allow-commands)';
  const folder = join(context.target, context.settings.directories[0] ?? '/');
  await mkdir(folder, { recursive: true });
  const place = await mkdtemp(join(tmpdir(), 'holdfast-script-'));
  try {
    const script = join(place, 'assertion');
    await writeFile(script, assertion.content, { mode: 0o700 });
    return await execute(script, folder, place, assertion.timeoutSeconds, context);
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

/** The worker's own environment stays with it: it may hold secrets. */
function environment(place: string, folder: string, full: boolean): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: place,
    TMPDIR: place,
    LANG: 'C.UTF-8',
    HOLDFAST_RESTORED: folder,
    HOLDFAST_SAMPLE: full ? 'all' : 'part',
  };
}

function execute(
  script: string,
  folder: string,
  place: string,
  timeoutSeconds: number,
  { full, signal }: AssertionContext,
): Promise<string | undefined> {
  const [program, args] = commandOf(script);
  return new Promise((done, fail) => {
    // A group of its own, so that what the script starts ends with it.
    const child = spawn(program, args, {
      cwd: folder,
      env: environment(place, folder, full),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let tail = '';
    let timedOut = false;
    const keep = (piece: Buffer): void => {
      tail = (tail + piece.toString('utf8')).slice(-OUTPUT_TAIL_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = (): void => {
      killGroup(child.pid, 'SIGTERM');
      setTimeout(() => killGroup(child.pid, 'SIGKILL'), KILL_AFTER_MS).unref();
    };
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeoutSeconds * 1000);
    signal.addEventListener('abort', stop, { once: true });
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      killGroup(child.pid, 'SIGKILL');
    };
    child.once('error', (error) => {
      finish();
      done(`it could not be started: ${error.message}`);
    });
    child.once('exit', (code, killedBy) => {
      finish();
      try {
        throwIfAborted(signal);
        if (timedOut) return done(`it did not end within ${formatDuration(timeoutSeconds)}${outputOf(tail)}`);
        return done(code === 0 ? undefined : `it ended with ${killedBy ?? `status ${code}`}${outputOf(tail)}`);
      } catch (error) {
        return fail(error);
      }
    });
  });
}

/** A script without `#!` is the shell's. */
function commandOf(script: string): [string, string[]] {
  return ['/bin/sh', ['-c', 'case "$(head -c 2 "$0")" in "#!") exec "$0";; *) exec /bin/sh "$0";; esac', script]];
}

function outputOf(tail: string): string {
  // eslint-disable-next-line no-control-regex -- what a terminal would obey has no place in a record
  const text = tail.replaceAll(/[\x00-\x08\x0b-\x1f\x7f]/g, '').trim();
  return text === '' ? '' : `; its output ended: ${text}`;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
