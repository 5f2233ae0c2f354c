/** Snapshot documents as restic reads and writes them (`internal/data/snapshot.go`); unknown fields are kept. */
import type { Snapshot, SnapshotSummary } from '../domain/snapshot.ts';
import { IntegrityError } from '../common/errors.ts';
import { parseSnapshotTime } from '../domain/snapshot-time.ts';
import { goJson } from './go-json.ts';
import { isJsonObject, isShallow, parseJsonObject } from './json-object.ts';

/** In the order restic writes them. */
const FIELDS = [
  'time',
  'parent',
  'tree',
  'paths',
  'hostname',
  'username',
  'uid',
  'gid',
  'excludes',
  'tags',
  'original',
  'program_version',
  'summary',
] as const satisfies readonly (keyof Snapshot)[];

const KNOWN: ReadonlySet<string> = new Set(FIELDS);

/** What restic leaves out when it is empty. */
const OMITTED_WHEN_EMPTY: ReadonlySet<string> = new Set(['hostname', 'username', 'uid', 'gid', 'excludes', 'tags']);

const ID = /^[0-9a-f]{64}$/;

/** Throws IntegrityError for a document without time, tree or paths. */
export function decodeSnapshot(plain: Buffer, id: string): Snapshot {
  const document = parseJsonObject(plain, `snapshot file ${id}`);
  if (!isShallow(document)) throw new IntegrityError(`snapshot file ${id} is nested too deeply to be read`);
  const { time, tree } = document;
  if (typeof time !== 'string') throw new IntegrityError(`snapshot ${id} has no time`);
  try {
    parseSnapshotTime(time);
  } catch (cause) {
    throw new IntegrityError(`snapshot ${id} has the time "${time}", which cannot be read`, { cause });
  }
  if (typeof tree !== 'string' || !ID.test(tree)) throw new IntegrityError(`snapshot ${id} has no tree`);
  const rest = Object.fromEntries(Object.entries(document).filter(([name]) => !KNOWN.has(name)));
  return {
    id,
    time,
    tree,
    ...optional('parent', text(document['parent'])),
    ...optional('original', text(document['original'])),
    paths: texts(document['paths']) ?? [],
    hostname: text(document['hostname']) ?? '',
    username: text(document['username']) ?? '',
    ...optional('uid', number(document['uid'])),
    ...optional('gid', number(document['gid'])),
    ...optional('excludes', texts(document['excludes'])),
    ...optional('tags', texts(document['tags'])),
    ...optional('program_version', text(document['program_version'])),
    ...optional('summary', summaryOf(document['summary'])),
    ...(Object.keys(rest).length > 0 ? { rest } : {}),
  };
}

/** The document to be stored; its id is not part of it. */
export function encodeSnapshot(snapshot: Omit<Snapshot, 'id'>): Buffer {
  const document: Record<string, unknown> = {};
  for (const field of FIELDS) {
    const value = snapshot[field];
    if (value === undefined || (OMITTED_WHEN_EMPTY.has(field) && isEmpty(value))) continue;
    document[field] = value;
  }
  return Buffer.from(goJson({ ...document, ...snapshot.rest }));
}

/** Oldest first; equal times by id, so that the order never depends on the storage. */
export function compareSnapshots(a: Snapshot, b: Snapshot): number {
  const difference = parseSnapshotTime(a.time).epochNanoseconds - parseSnapshotTime(b.time).epochNanoseconds;
  return difference < 0n ? -1 : difference > 0n ? 1 : a.id < b.id ? -1 : 1;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === 0 || (Array.isArray(value) && value.length === 0);
}

function optional<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}

function summaryOf(value: unknown): SnapshotSummary | undefined {
  return isJsonObject(value) ? (value as unknown as SnapshotSummary) : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined;
}
