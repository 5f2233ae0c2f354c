/** Starts a real server as a child of the tests on a free port of 127.0.0.1, and ends it in every case. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface SpawnedServer {
  process: ChildProcess;
  /** Ends it by its process id, and waits for its end. */
  stop(): Promise<void>;
}

export interface RestartableServer {
  /** Of the process that runs now. */
  pid(): number;
  /** As a crash: nothing that it holds in memory is written, its connections end. Then it is there again, as it was started. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A server that can be killed and started again on the same port. */
export async function spawnRestartable(
  command: string,
  args: readonly string[],
  port: number,
): Promise<RestartableServer> {
  let server = await spawnServer(command, args, port);
  return {
    pid: () => server.process.pid!,
    async restart() {
      const ended = once(server.process, 'exit');
      // Servers that serve each connection by a process of its own leave them behind.
      const children = descendantsOf(server.process.pid!);
      for (const pid of [server.process.pid!, ...children]) killIfThere(pid);
      await ended;
      server = await spawnServer(command, args, port);
    },
    stop: () => server.stop(),
  };
}

const READY_MILLISECONDS = 30_000;

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Returns when the port takes connections; throws with what the server printed when it ends before. */
export async function spawnServer(command: string, args: readonly string[], port: number): Promise<SpawnedServer> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-10_000)));
  }
  const ended = once(child, 'exit');
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(kill, 3000);
    await ended;
    clearTimeout(timer);
  };
  try {
    await Promise.race([
      waitForPort(port),
      ended.then(() => {
        throw new Error(`${command} ended before it was ready:\n${output}`);
      }),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { process: child, stop };
}

/** The processes that it has, and theirs. */
export function descendantsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

async function waitForPort(port: number): Promise<void> {
  const end = Date.now() + READY_MILLISECONDS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    if (Date.now() > end) throw new Error(`nothing listens on port ${port}`);
    await sleep(30);
  }
}
