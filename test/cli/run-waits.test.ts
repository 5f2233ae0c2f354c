/** What `holdfast run` tells of a run that cannot go on: who does not answer, why, and when it is tried again. */
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { requirePeer } from '../peers.ts';
import { freePort, startCluster } from '../servers/temporal-cluster.ts';
import { createProject, untilTrue, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');

/** Its mirror is on a server where nothing listens, at the port that this gives. */
async function moveMirror({ directory }: Project): Promise<number> {
  const port = await freePort();
  const file = join(directory, 'policies', 'orders.yaml');
  const text = await readFile(file, 'utf8');
  const spec = `
spec:
  sftp: { host: 127.0.0.1, port: ${port}, path: mirror, hostKey: "SHA256:${'A'.repeat(43)}" }
  identities: { writer: { user: backup, passwordFrom: { env: ORDERS_PASSWORD } } }`;
  await writeFile(
    file,
    text.replace('\nspec: { local: { path: ../mirror } }', () => spec),
  );
  return port;
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
    'tells for what: a worker that is not there, a server that refuses or is silent, a worker that was killed',
    async () => {
      await using cluster = await startCluster(temporal.command);
      await using project = await createProject({
        temporal,
        engine: `{ address: "${cluster.address}" }`,
        environment: { HOLDFAST_STORAGE_TIMEOUT: '3s' },
      });
      const port = await moveMirror(project);
      expect(await project.holdfast(['apply', '--yes', '--allow-dirty'])).toMatchObject({ status: 0 });

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

      // What the driver tries again by itself, before any attempt of the run has failed.
      const sockets = new Set<Socket>();
      const silent = createServer((socket) => sockets.add(socket)).listen(port, '127.0.0.1');
      const waiting = await follow(project, run, [/handshake; trying again/]);
      expect(waiting).toMatch(
        /^opening mirror: sftp:\/\/backup@127\.0\.0\.1:\d+\/mirror\/orders .*; trying again( in \ds)? \(attempt [2-5] of 5\)$/m,
      );
      for (const socket of sockets) socket.destroy();
      silent.close();

      worker!.kill('SIGKILL');
      await working;
      const abandoned = await follow(project, ['run', 'orders', 'backup'], [/takes the work/]);
      expect(abandoned).toMatch(/no worker takes the work; seen within the last minute: \d+@/);
    },
    120_000,
  );
});
