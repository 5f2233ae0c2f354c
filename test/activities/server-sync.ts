/** What the tests of syncs on real servers begin with: a bench that reaches the server, and a mirror into a folder of its own there. */
import { join } from 'node:path';
import type { SyncSettings } from '../../domain/action.ts';
import type { BucketService } from '../servers/bucket-services.ts';
import type { SshServer } from '../servers/sshd.ts';
import { reachLocations } from './reach-locations.ts';
import { syncSettings } from './sync-settings.ts';
import { openWorkbench, type Workbench } from './workbench.ts';

let folders = 0;

export interface ServerSync {
  bench: Workbench;
  settings: SyncSettings;
  /** Of the Location, where the server's sessions begin or in its bucket; the copy is `orders` in it. */
  path: string;
}

/** As the server's `admin`. */
export async function openSshSync(
  server: SshServer,
  changes: Partial<SyncSettings> = {},
): Promise<ServerSync & { /** The copy, on this machine's disk. */ target: string }> {
  const { bench, path } = await openBench(server);
  const to = { name: 'standby', sftp: server.place(path), identities: { writer: server.identity('admin') } };
  return { bench, path, target: join(server.data, path, 'orders'), settings: syncSettings(bench, { to, ...changes }) };
}

export async function openBucketSync(service: BucketService, changes: Partial<SyncSettings> = {}): Promise<ServerSync> {
  const { bench, path } = await openBench(service);
  return { bench, path, settings: syncSettings(bench, { to: service.location('standby', path), ...changes }) };
}

/** Nothing lies yet where the path leads. */
export async function openBench({
  surroundings,
}: Pick<SshServer | BucketService, 'surroundings'>): Promise<Pick<ServerSync, 'bench' | 'path'>> {
  const bench = await openWorkbench();
  reachLocations(bench.deps, surroundings);
  return { bench, path: `folder-${(folders += 1)}` };
}
