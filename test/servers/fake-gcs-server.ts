/** A server that speaks Google Cloud Storage's JSON API for the tests: fake-gcs-server on a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, spawnRestartable } from './spawn-server.ts';

export interface GcsServer {
  /** Of the process that runs now. */
  pid(): number;
  endpoint: string;
  /** Temporary; each bucket is a folder in it, unless they are in memory. */
  data: string;
  createBucket(name: string): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface GcsServerOptions {
  /** Where clients reach it, when that is not its own address (a proxy before it). */
  externalUrl?: string;
  /** Default: any that is free. */
  port?: number;
  /** Below it are its objects; removed when it stops. Default: a temporary folder. */
  folder?: string;
  /** Keeps objects in memory alone: much sooner for a few, much slower for thousands, and with names that its folders cannot have. */
  inMemory?: boolean;
}

export async function startFakeGcsServer(command: string, options: GcsServerOptions = {}): Promise<GcsServer> {
  const { externalUrl, inMemory = false, folder = await mkdtemp(join(tmpdir(), 'holdfast-gcs-')) } = options;
  const port = options.port ?? (await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)];
  const place = inMemory ? ['-backend', 'memory'] : ['-filesystem-root', folder];
  const urls = ['-external-url', externalUrl ?? endpoint, '-public-host', `127.0.0.1:${port}`];
  const server = await spawnRestartable(command, [...args, ...place, ...urls, '-log-level', 'error'], port);
  return {
    endpoint,
    data: folder,
    async createBucket(name) {
      const body = JSON.stringify({ name });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${endpoint}/storage/v1/b?project=test`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(`no bucket ${name}: ${response.status} ${await response.text()}`);
    },
    pid: () => server.pid(),
    restart: () => server.restart(),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
