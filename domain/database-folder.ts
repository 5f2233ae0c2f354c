/** Data folders of database servers, told by what every one of them holds. */

export type DatabaseKind = 'PostgreSQL' | 'MySQL' | 'MariaDB' | 'SQLite';

const SIGNS = ['PG_VERSION', 'base', 'global', 'ibdata1', 'mysql', 'aria_log_control'];

/** Whether the name could tell something: all others need not be remembered. */
export function isDatabaseSign(name: string): boolean {
  return SIGNS.includes(name);
}

/** @param names Of a folder's entries, at least all that are signs. */
export function databaseOf(names: ReadonlySet<string>): Exclude<DatabaseKind, 'SQLite'> | undefined {
  if (names.has('PG_VERSION') && names.has('base') && names.has('global')) return 'PostgreSQL';
  if (!names.has('ibdata1') || !names.has('mysql')) return undefined;
  return names.has('aria_log_control') ? 'MariaDB' : 'MySQL';
}
