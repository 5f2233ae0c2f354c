import { execFile, type ChildProcess } from 'node:child_process';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { fullListing } from '../full-listing.ts';
import { requirePeer } from '../peers.ts';
import { createProject, untilTrue, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');

/** The policy of the project with its mirror alone, and a small number of removals allowed. */
async function keepSync({ directory }: Project): Promise<void> {
  const path = join(directory, 'policies', 'orders.yaml');
  const text = await readFile(path, 'utf8');
  const spec = text
    .replace(
      /kind: Repository\n(.*\n)*?---\n/,
      'kind: Location\nmetadata: { name: unused }\nspec: { local: { path: ../unused } }\n---\n',
    )
    .replace(/\n {2}(backup|retention|restoreTest): .*/g, '')
    .replace('mode: mirror }', 'mode: mirror, guards: { maxDelete: { share: 10%, files: 3 } } }');
  await writeFile(path, spec);
}

/** As wrapper of a command: in its sight alone a disk is mounted at the place, with twenty files. */
function withDisk(place: string): string[] {
  const script = `${MOUNT}; exec "$@"`;
  const own = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  return ['unshare', '--mount', ...own, 'sh', '-c', script, place];
}

const MOUNT =
  'set -e; mount -t tmpfs none "$0"; for i in 0 1 2 3 4 5 6 7 8 9; do echo "$i" > "$0/a$i"; echo "$i" > "$0/b$i"; done';

/** Runs a script where the process sees its disks. */
async function beside(pid: number, script: string, ...args: string[]): Promise<void> {
  const own = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  await promisify(execFile)('nsenter', ['--target', `${pid}`, '--mount', ...own, 'sh', '-c', script, ...args]);
}

temporal.it(
  'a source that is not mounted, is gone or has lost most of its files, and a target of another policy, are refused: exit 8, the target untouched, and what the hint says goes on',
  async () => {
    await using project = await createProject({ temporal });
    await keepSync(project);
    const source = join(project.directory, 'source');
    const target = join(project.directory, 'mirror', 'orders');
    await rm(join(source, 'ledger.csv'));
    let worker: ChildProcess | undefined;
    let said = '';
    const onStart = (child: ChildProcess) => {
      worker = child;
      child.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
    };
    const running = project.holdfast(['start'], onStart, withDisk(source));
    await using _ = {
      async [Symbol.asyncDispose]() {
        worker!.kill('SIGINT');
        await running;
      },
    };
    await untilTrue(() => said.includes('Ctrl-C stops.'));
    const { pid = 0 } = worker!;
    const done = async (command: string, told: string) => {
      const { status, stdout, stderr } = await project.holdfast(command.split(' '));
      expect([status, stdout], stderr).toEqual([0, expect.stringContaining(told)]);
    };
    const refused = async (command: string, ...told: string[]) => {
      const before = await fullListing(target);
      const { status, stdout, stderr } = await project.holdfast(command.split(' '));
      expect([status, stdout + stderr]).toEqual([8, expect.any(String)]);
      for (const text of told) expect(stdout + stderr).toContain(text);
      expect(await fullListing(target)).toEqual(before);
    };
    await done('run orders sync --dry-run', '  copy  a0  new\n  copy  a1  new\n');
    await done('run orders sync', '20 files copied');
    expect([await readdir(source), (await readdir(target)).length]).toEqual([[], 21]);

    await beside(pid, 'umount "$0"', source);
    await refused('run orders sync', 'the source is empty, and the target has 20 files', '--accept emptySource');
    await rename(source, `${source}-away`);
    await refused('run orders sync', `the source ${source} does not exist`, 'Check that it is mounted');
    await rename(`${source}-away`, source);
    await beside(pid, `${MOUNT}; rm "$0"/a*  "$0"/b[0-7]`, source);
    await refused(
      'run orders sync',
      '18 of 20 files (90 %)',
      'holdfast run orders sync --to mirror/orders --accept maxDelete',
    );
    await done('run orders sync --to mirror/orders --accept maxDelete', '18 removed');

    const policy = join(project.directory, 'policies', 'orders.yaml');
    await writeFile(policy, (await readFile(policy, 'utf8')).replace('name: orders', 'name: invoices'));
    await done('apply --yes --allow-weaker --allow-dirty', '');
    const command = 'run invoices sync --to mirror/orders --accept foreignTarget';
    await refused('run invoices sync', 'is the target of the policy "orders", since', `holdfast ${command}`);
    await done(command, '0 removed, 2 unchanged');
  },
  90_000,
);
