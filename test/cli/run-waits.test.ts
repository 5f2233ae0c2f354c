/** What `holdfast run` tells of a run that cannot go on: who does not answer, why, and when it is tried again. */
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { requirePeer } from '../peers.ts';
import { freePort, startCluster } from '../servers/temporal-cluster.ts';
import { createProject, untilTrue, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');

/** Its mirror is on a server where nothing listens. */
async function moveMirror({ directory }: Project): Promise<void> {
  const file = join(directory, 'policies', 'orders.yaml');
  const text = await readFile(file, 'utf8');
  const spec = `
spec:
  sftp: { host: 127.0.0.1, port: ${await freePort()}, path: mirror, hostKey: "SHA256:${'A'.repeat(43)}" }
  identities: { writer: { user: backup, passwordFrom: { env: ORDERS_PASSWORD } } }`;
  await writeFile(
    file,
    text.replace('\nspec: { local: { path: ../mirror } }', () => spec),
  );
}

/** Follows a run until it has told all of this, then stops it. */
async function follow(project: Project, args: string[], expected: readonly RegExp[]): Promise<string> {
  let heard = '';
  const { stderr, status } = await project.holdfast(args, (child) =>
    child.stderr!.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (expected.every((each) => each.test(heard))) child.kill('SIGINT');
    }),
  );
  expect(status, stderr).toBe(130);
  return stderr;
}

temporal.describe('A run that waits', () => {
  temporal.it(
    'tells for what: a worker that is not there, a server that does not answer, a worker that was killed',
    async () => {
      await using cluster = await startCluster(temporal.command);
      await using project = await createProject({ temporal, engine: `{ address: "${cluster.address}" }` });
      await moveMirror(project);
      expect(await project.holdfast(['apply', '--allow-dirty'])).toMatchObject({ status: 0 });

      const run = ['run', 'orders', 'sync'];
      const unmanned = await follow(project, run, [/no worker is there to take the work/]);
      expect(unmanned).toContain('→ Start one: holdfast worker. The run then goes on.');

      let worker: ChildProcess | undefined;
      let isReady = false;
      const working = project.holdfast(['worker'], (child) => {
        worker = child;
        child.stdout!.on('data', () => (isReady = true));
      });
      await untilTrue(() => isReady);
      const failing = await follow(project, run, [/attempt 1 of 5 failed/, /attempt 2 of 5 failed/]);
      expect(failing).toMatch(
        /policy\/orders\/sync\/mirror\/orders: .*sftp:\/\/backup@127\.0\.0\.1:\d+\/mirror.*ECONNREFUSED.*; attempt 1 of 5 failed, the next in \ds\n {2}→ /,
      );

      worker!.kill('SIGKILL');
      await working;
      const abandoned = await follow(project, ['run', 'orders', 'backup'], [/takes the work/]);
      expect(abandoned).toMatch(/no worker takes the work; seen within the last minute: \d+@/);
    },
    120_000,
  );
});
