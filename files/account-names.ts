/** Users and groups of this machine, by number and by name: from the files, and where these are silent, from `getent`. */
import type * as ChildProcess from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Answers are kept as long as the instance lives. Absent accounts are undefined. */
export interface AccountNames {
  userName(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  /** Names of the members of a group: those that list it and those whose own group it is. */
  groupMembers(name: string): string[];
}

export interface AccountSources {
  /** Default `/etc/passwd` and `/etc/group`. */
  passwdFile?: string;
  groupFile?: string;
  /** Whether `getent` is asked for what the files do not have (LDAP, SSSD, systemd's dynamic users). Default true. */
  askSystem?: boolean;
}

interface Account {
  name: string;
  id: number;
  /** A user's own group. */
  groupId?: number;
  /** A group's listed members. */
  members: string[];
}

type Database = 'passwd' | 'group';

export function openAccountNames(sources: AccountSources = {}): AccountNames {
  const users = openDatabase('passwd', sources.passwdFile ?? '/etc/passwd', sources.askSystem ?? true);
  const groups = openDatabase('group', sources.groupFile ?? '/etc/group', sources.askSystem ?? true);
  return {
    userName: (uid) => users.byId(uid)?.name,
    groupName: (gid) => groups.byId(gid)?.name,
    userId: (name) => users.byName(name)?.id,
    groupId: (name) => groups.byName(name)?.id,
    groupMembers(name) {
      const group = groups.byName(name);
      if (group === undefined) return [];
      const own = users.all().filter((user) => user.groupId === group.id);
      return [...new Set([...group.members, ...own.map((user) => user.name)])];
    },
  };
}

interface AccountDatabase {
  byId(id: number): Account | undefined;
  byName(name: string): Account | undefined;
  all(): Account[];
}

function openDatabase(database: Database, file: string, askSystem: boolean): AccountDatabase {
  let accounts: Account[] | undefined;
  const byId = new Map<number, Account | undefined>();
  const byName = new Map<string, Account | undefined>();
  const all = (): Account[] => {
    if (accounts !== undefined) return accounts;
    accounts = parseAccounts(database, readText(file));
    for (const account of accounts) {
      // The first line counts where two share a number, as in the C library.
      if (!byId.has(account.id)) byId.set(account.id, account);
      if (!byName.has(account.name)) byName.set(account.name, account);
    }
    return accounts;
  };
  const find = <Key extends string | number>(known: Map<Key, Account | undefined>, key: Key): Account | undefined => {
    all();
    if (!known.has(key)) known.set(key, askSystem ? askGetent(database, String(key)) : undefined);
    return known.get(key);
  };
  return {
    byId: (id) => find(byId, id),
    // getent takes digits for a number.
    byName: (name) => (/^\d*$/.test(name) ? (all(), byName.get(name)) : find(byName, name)),
    all,
  };
}

function parseAccounts(database: Database, text: string): Account[] {
  const accounts: Account[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    const [name = '', , id = '', fourth = ''] = fields;
    if (name === '' || !/^\d+$/.test(id)) continue;
    const account: Account = { name, id: Number(id), members: [] };
    if (database === 'passwd') account.groupId = Number(fourth);
    else account.members = fourth.split(',').filter((member) => member !== '');
    accounts.push(account);
  }
  return accounts;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A system without the file has its accounts elsewhere, where getent finds them.
    return '';
  }
}

function askGetent(database: Database, key: string): Account | undefined {
  try {
    // Seldom needed, and not little to load.
    const { execFileSync } = createRequire(import.meta.url)('node:child_process') as typeof ChildProcess;
    const answer = execFileSync('getent', [database, '--', key], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5000,
    });
    return parseAccounts(database, answer)[0];
  } catch {
    return undefined;
  }
}
