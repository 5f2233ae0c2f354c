/** A fresh storage on OpenSSH's server behind toxiproxy, for the tests of what networks do. */
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openSftpStorage } from '../../storage/sftp.ts';
import type { Storage } from '../../storage/storage.ts';
import { startSshd, type SshServer } from '../servers/sshd.ts';
import { startToxiproxy, type Toxiproxy } from '../servers/toxiproxy.ts';

/** Short enough for a test, long enough for a busy machine. */
export const SHORT = { handshakeMilliseconds: 4000, keepaliveMilliseconds: 500, keepaliveCount: 3 };

export interface BehindProxy {
  storage: Storage;
  /** Where its objects lie on this machine. */
  folder: string;
  proxy: Toxiproxy;
}

/** Call it inside a `describe` of both peers: servers for all of its tests, and what gives each a storage, whose folder is not there yet. */
export function behindProxy(sshd: string, toxiproxy: string) {
  let server: SshServer;
  let proxy: Toxiproxy;
  let paths = 0;
  beforeAll(async () => {
    server = await startSshd(sshd);
    proxy = await startToxiproxy(toxiproxy, server.port);
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });
  return async (body: (bench: BehindProxy) => Promise<void>): Promise<void> => {
    await proxy.set();
    const path = `faults-${(paths += 1)}`;
    const { knownHosts: _, ...place } = server.place(path);
    const storage = await openSftpStorage(
      { ...place, port: proxy.port, hostKey: server.fingerprints.ed25519 },
      server.identity('admin'),
      server.surroundings,
      { role: 'writer', timing: SHORT },
    );
    try {
      await body({ storage, folder: join(server.data, path), proxy });
    } finally {
      await storage.close();
      await proxy.set();
    }
  };
}

export async function namesOf(storage: Storage): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of storage.list('')) names.push(name);
  return names;
}
