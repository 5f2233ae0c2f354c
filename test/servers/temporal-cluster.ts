/** A Temporal server beside holdfast, as a cluster of somebody's. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { answers } from '../../engine/server-process.ts';
import { untilTrue } from '../cli/project-fixture.ts';

/** One that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

export interface Cluster extends AsyncDisposable {
  address: string;
}

/** A Temporal that holdfast has not started and must not stop. */
export async function startCluster(command: string): Promise<Cluster> {
  const port = await freePort();
  const child = spawn(command, ['server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
  });
  await untilTrue(() => answers(port, 1000));
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
