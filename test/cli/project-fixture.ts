/** A folder with policies, a source and a password, in which the real `holdfast start` runs. */
import { execFile, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from '../peers.ts';
import { runCli, type CliResult } from './run-cli.ts';

export interface Project extends AsyncDisposable {
  directory: string;
  repository: string;
  /** Runs holdfast here; `onStart` gets the process, `wrapper` is a program with its arguments that runs it. */
  holdfast(args: string[], onStart?: (child: ChildProcess) => void, wrapper?: string[]): Promise<CliResult>;
  git(...args: string[]): Promise<void>;
  /** The real restic on the repository. */
  restic(peer: Peer, ...args: string[]): Promise<string>;
}

export interface ProjectOptions {
  temporal: Peer;
  /** Added to the Project's spec. */
  engine?: string;
  /** Instead of the one policy, and its file: what is written in each document, without its version. */
  documents?: string[];
  environment?: Record<string, string | undefined>;
}

/** One policy, `orders`, which backs `source/` up into the repository `main`, with a restore test and a mirror. */
export async function createProject(options: ProjectOptions): Promise<Project> {
  const { temporal, engine = '{ embedded: true }', environment, documents } = options;
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-project-'));
  await mkdir(join(directory, 'policies'));
  await mkdir(join(directory, 'source'));
  if (documents === undefined) await writeFile(join(directory, 'source', 'ledger.csv'), 'id,amount\n1,10\n');
  const text = documents?.map((each) => `apiVersion: holdfast/v1\n${each}`).join('\n---\n') ?? policies(engine);
  await writeFile(join(directory, 'policies', 'orders.yaml'), text);
  await writeFile(join(directory, '.gitignore'), '.holdfast/\nvault/\nmirror/\nsource/\n');
  const git = async (...args: string[]) => {
    const identity = ['-c', 'user.name=Alice', '-c', 'user.email=alice@acme.example'];
    await promisify(execFile)('git', [...identity, ...args], { cwd: directory });
  };
  const repository = join(directory, 'vault', 'main');
  return {
    directory,
    repository,
    git,
    holdfast: (args, onStart, wrapper = []) =>
      runCli(args, {
        directory,
        wrapper,
        environment: { ...environment, ORDERS_PASSWORD: 'secret', HOLDFAST_TEMPORAL_CLI: temporal.command },
        ...(onStart === undefined ? {} : { onStart }),
      }),
    async restic(peer, ...args) {
      const env = { ...process.env, RESTIC_PASSWORD: 'secret' };
      const { stdout } = await promisify(execFile)(peer.command, ['-r', repository, '--no-cache', ...args], { env });
      return stdout;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 10 }),
  };
}

function policies(engine: string): string {
  return `apiVersion: holdfast/v1
kind: Project
metadata: { name: acme }
spec: { engine: ${engine} }
---
apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: ../vault } }
---
apiVersion: holdfast/v1
kind: Location
metadata: { name: mirror }
spec: { local: { path: ../mirror } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: main }
spec:
  location: vault
  path: main
  passwordFrom: { env: ORDERS_PASSWORD }
  prune: { every: 7d }
  check: { every: 7d, readData: 10% }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  importance: normal
  source: { directory: ../source }
  sync: [{ to: mirror, path: orders, mode: mirror }]
  backup: [{ to: main }]
  retention: { keep: { daily: 7 } }
  restoreTest: { sample: { all: true }, assert: [{ exists: ledger.csv }] }
`;
}

/** Text files of some KiB, `file 0` and so on, that begin with this. */
export async function writeManyFiles(folder: string, count: number, begin = ''): Promise<void> {
  for (let number = 0; number < count; number++)
    await writeFile(join(folder, `file ${number}`), `${begin}${number} `.repeat(1000));
}

/** Files that a backup needs seconds for: nothing in them repeats or compresses. */
export async function writeBigSource(directory: string, { megabytes }: { megabytes: number }): Promise<void> {
  const file = await open(join(directory, 'source', 'big.bin'), 'w');
  for (let written = 0; written < megabytes; written += 16) await file.write(randomBytes(16 * 1024 * 1024));
  await file.close();
}

/** When anything below the folder was last written, in milliseconds since the epoch; 0: there is nothing. */
export async function newestWrite(folder: string): Promise<number> {
  let newest = 0;
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    newest = Math.max(newest, found?.mtimeMs ?? 0);
  }
  return newest;
}

export async function untilTrue(condition: () => Promise<boolean> | boolean, limitMs = 120_000): Promise<void> {
  const until = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`did not come true within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
