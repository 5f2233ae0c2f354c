/** Database servers that run on this machine, as far as this account may see: their processes, data folders and sockets. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface DatabaseServer {
  kind: 'PostgreSQL' | 'MySQL' | 'MariaDB';
  /** Absolute; absent: this account may not see it. */
  dataFolder?: string;
  /** What showed that it runs. */
  shownBy: string;
}

const PROGRAMS: ReadonlyMap<string, DatabaseServer['kind']> = new Map([
  ['postgres', 'PostgreSQL'],
  ['mysqld', 'MySQL'],
  ['mariadbd', 'MariaDB'],
]);

const SOCKETS: readonly [string, DatabaseServer['kind']][] = [
  ['/run/postgresql/.s.PGSQL.5432', 'PostgreSQL'],
  ['/tmp/.s.PGSQL.5432', 'PostgreSQL'],
  ['/run/mysqld/mysqld.sock', 'MySQL'],
  ['/var/lib/mysql/mysql.sock', 'MySQL'],
];

/** One for each data folder; a server whose folder cannot be seen once for each kind. */
export function findDatabaseServers(): DatabaseServer[] {
  const found = new Map<string, DatabaseServer>();
  for (const pid of listProcesses()) {
    const kind = PROGRAMS.get(readText(`/proc/${pid}/comm`).trim());
    if (kind === undefined) continue;
    // These servers work in their data folder; a process in a container has another root, and its folder is not ours.
    const dataFolder = isInOurRoot(pid) ? readLink(`/proc/${pid}/cwd`) : undefined;
    const server = { kind, shownBy: `process ${pid}`, ...(dataFolder === undefined ? {} : { dataFolder }) };
    const name = dataFolder ?? kind;
    if (!found.has(name)) found.set(name, server);
  }
  for (const [socket, kind] of SOCKETS) {
    const isFamily = (other: string): boolean => (other === 'PostgreSQL') === (kind === 'PostgreSQL');
    if (![...found.values()].some((server) => isFamily(server.kind)) && existsSync(socket))
      found.set(socket, { kind, shownBy: `socket ${socket}` });
  }
  return [...found.values()];
}

function listProcesses(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function isInOurRoot(pid: string): boolean {
  return readLink(`/proc/${pid}/root`) === '/';
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
