/** What a survey of folders shows a person, and a program. */
import type { ByteString } from '../common/byte-string.ts';
import { formatBytes } from '../common/sizes.ts';
import { needsProtection, type CoverageItem } from '../domain/coverage.ts';
import { displayPath } from '../files/byte-path.ts';
import type { DatabaseServer } from '../files/database-servers.ts';
import type { CliContext, Output } from './command.ts';
import { count, displayText, displayTime } from './display.ts';
import { renderTable, type Column } from './table.ts';

/** A running server: `as-files` is a copy of files that may change while they are copied. */
export interface ServerCoverage extends DatabaseServer {
  state: 'unprotected' | 'as-files' | 'unknown';
  policies?: string[];
}

export interface SurveyedFolders {
  host: string;
  items: CoverageItem[];
  unreadable: ByteString[];
  servers: ServerCoverage[];
  remarks: string[];
}

const MAX_NAMED = 5;
/** Of small databases, such as those of browsers, there may be hundreds. */
const MAX_SQLITE = 50;

export function tellCoverage({ output, json }: CliContext, surveyed: SurveyedFolders, isStrict: boolean): void {
  if (json) return output.json(toDocument(surveyed, isStrict));
  const { items, servers, unreadable, remarks, host } = surveyed;
  for (const remark of remarks) output.note(displayText(remark));
  const bySize = items.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const open = bySize.filter((item) => item.state === 'unprotected' && item.database !== 'SQLite');
  const small = bySize.filter((item) => item.database === 'SQLite');
  table(output, 'No policy protects:', [...open, ...small.slice(0, MAX_SQLITE)].map(rowOf));
  if (small.length > MAX_SQLITE)
    output.line(
      `  and ${count(small.length - MAX_SQLITE, 'more SQLite database', 'more SQLite databases')} (--json lists all)\n`,
    );
  for (const server of servers) tellServer(output, server);
  table(
    output,
    isStrict ? 'Left out by policies, and counted:' : 'Left out by policies, on purpose:',
    bySize.filter(({ state }) => state === 'excluded').map(rowOf),
  );
  list(output, 'Protected in part:', items, 'partial', ({ policies }) => `by ${policies.join(', ')}`);
  list(output, 'Never needs it:', items, 'ignored', ({ why = '' }) => why);
  if (unreadable.length > 0) {
    const named = unreadable.slice(0, MAX_NAMED).map(displayPath).join(', ');
    const more = unreadable.length > MAX_NAMED ? ` and ${unreadable.length - MAX_NAMED} more` : '';
    output.warn(
      `could not be read, so that what is in them is not told: ${named}${more}\n  → run it as an account that may read them`,
    );
  }
  const counted = items.filter((item) => needsProtection(item, isStrict));
  const folders = counted.filter(({ kind }) => kind !== 'database');
  const databases =
    counted.length -
    folders.length +
    servers.filter(({ state, dataFolder }) => state === 'unprotected' && !isListed(items, dataFolder)).length;
  const bytes = folders.filter(({ kind }) => kind !== 'volume').reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  output.line(
    counted.length === 0 && databases === 0
      ? `all that was looked at is protected on ${displayText(host)}`
      : `not protected on ${displayText(host)}: ${count(folders.length, 'folder')} with ${formatBytes(bytes)}, ${count(databases, 'database')}`,
  );
}

const COLUMNS: Column[] = [
  { heading: 'Size', align: 'right' },
  { heading: 'Files', align: 'right' },
  { heading: 'Newest change' },
  { heading: 'Path' },
  { heading: '' },
];

function rowOf({
  kind,
  path,
  database,
  why,
  policies,
  state,
  sizeBytes,
  files,
  newestChangeNs,
  isAtLeast,
}: CoverageItem): string[] {
  const least = isAtLeast ? '≥ ' : '';
  const remarks = [
    kind === 'database'
      ? `${database} database`
      : kind === 'volume'
        ? 'container volume'
        : kind === 'files'
          ? 'files in it'
          : '',
    why ?? (state === 'excluded' ? `by ${policies.join(', ')}` : ''),
  ];
  return [
    `${least}${formatBytes(sizeBytes)}`,
    `${least}${files}`,
    newestChangeNs === undefined ? '' : displayTime(new Date(Number(newestChangeNs / 1_000_000n))),
    displayPath(path),
    remarks.filter((remark) => remark !== '').join(', '),
  ];
}

function table(output: Output, heading: string, rows: string[][]): void {
  if (rows.length === 0) return;
  output.line(output.style.bold(heading));
  for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
  output.line();
}

function list(
  output: Output,
  heading: string,
  items: readonly CoverageItem[],
  state: CoverageItem['state'],
  say: (item: CoverageItem) => string,
): void {
  const found = items.filter((item) => item.state === state);
  if (found.length === 0) return;
  output.line(output.style.bold(heading));
  for (const line of renderTable(
    [{ heading: 'Path' }, { heading: '' }],
    found.map((item) => [displayPath(item.path), displayText(say(item))]),
    output.columns,
  ))
    output.line(line);
  output.line();
}

function tellServer(output: Output, { kind, dataFolder, shownBy, state, policies = [] }: ServerCoverage): void {
  if (state === 'unprotected')
    output.warn(`a ${kind} server runs (${shownBy}), and no policy protects its data in ${displayText(dataFolder!)}`);
  else if (state === 'unknown')
    output.warn(`a ${kind} server runs (${shownBy}); where its data lies cannot be seen by this account`);
  else
    output.warn(
      `a ${kind} server runs (${shownBy}); ${policies.join(', ')} copies its files in ${displayText(dataFolder!)} while they change\n  → dump it into a folder that is backed up: only a dump is sure to restore`,
    );
}

function isListed(items: readonly CoverageItem[], folder: string | undefined): boolean {
  return folder !== undefined && items.some(({ kind, path }) => kind === 'database' && displayPath(path) === folder);
}

function toDocument(
  { host, items, unreadable, servers, remarks }: SurveyedFolders,
  isStrict: boolean,
): Record<string, unknown> {
  return {
    host,
    covered:
      !items.some((item) => needsProtection(item, isStrict)) && !servers.some(({ state }) => state === 'unprotected'),
    items: items.map(({ state, kind, path, database, policies, why, sizeBytes, files, newestChangeNs, isAtLeast }) => ({
      state,
      kind,
      path: displayPath(path),
      ...(database === undefined ? {} : { database }),
      ...(policies.length === 0 ? {} : { policies }),
      ...(why === undefined ? {} : { why }),
      ...(state === 'partial' || state === 'ignored' ? {} : { sizeBytes, files, complete: !isAtLeast }),
      ...(newestChangeNs === undefined
        ? {}
        : { newestChange: new Date(Number(newestChangeNs / 1_000_000n)).toISOString() }),
    })),
    servers,
    unreadable: unreadable.map(displayPath),
    remarks,
  };
}
