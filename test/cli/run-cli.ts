/** Runs the real command line in a process of its own, as a person would, and hands back all it said. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  directory?: string;
  /** Added to an environment without anything that steers holdfast; undefined removes. */
  environment?: Record<string, string | undefined>;
  input?: string;
  nodeArguments?: string[];
  /** A program, with its arguments, that runs the command. */
  wrapper?: string[];
  /** Told when it has started. */
  onStart?: (child: ReturnType<typeof spawn>) => void;
}

export const CLI = fileURLToPath(new URL('../../cli/holdfast.js', import.meta.url));

/** As wrapper: root reads and writes everything, unless it gives that power away. */
export const WITHOUT_ROOT_POWERS =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] : [];

export async function runCli(args: string[], options: RunOptions = {}): Promise<CliResult> {
  const environment: Record<string, string | undefined> = { ...process.env, ...options.environment };
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_OPTIONS', 'HOLDFAST_DEBUG', 'HOLDFAST_PASSWORD']) {
    if (!(name in (options.environment ?? {}))) delete environment[name];
  }
  const words = [...(options.wrapper ?? []), process.execPath, ...(options.nodeArguments ?? []), CLI, ...args];
  const child = spawn(words[0]!, words.slice(1), {
    cwd: options.directory,
    env: environment,
    stdio: 'pipe',
  });
  options.onStart?.(child);
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('error', reject);
  child.on('close', (status) =>
    resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
  );
  child.stdin.end(options.input ?? '');
  return promise;
}
