/** An action field by field, in the words of the policy language, so that two of them can be compared by people. */
import { canonicalJson } from '../common/canonical-json.ts';
import { formatDuration } from '../common/durations.ts';
import { formatBytes } from '../common/sizes.ts';
import type { Action, RestoreAssertion, RestoreSample, SecretReference } from './action.ts';
import type { Schedule } from './schedule.ts';

export interface FieldItem {
  /** For people; of a secret only where it is found, of a script its path. */
  text: string;
  /** Equal for equal values alone: what `text` leaves out counts, too. Never shown. */
  exact: string;
}

/** A value, or a list of them, whose entries come and go one by one. */
export type FieldValue = FieldItem | FieldItem[];

/**
 * All that an action's digest covers but its name, by the field's name, in a fixed order: `schedule`, `rpo`,
 * `keep.daily`, `repository.passwordFrom`. What this page has no word for is there under its path: no change is silent.
 */
export function fieldsOf(action: Action): Map<string, FieldValue> {
  const { id: _id, kind: _kind, policy: _policy, target: _target, digest: _digest, ...parts } = action;
  const { schedule, settings, objectives, suspended, host: runsOn, offlineToleranceSeconds, ...rest } = parts;
  const { timing, ...timeLimits } = schedule;
  const fields = new Map<string, FieldValue>();
  fields.set('schedule', plain(describeTiming(schedule), timing));
  flatten(fields, '', {
    ...timeLimits,
    ...objectives,
    ...rest,
    runsOn,
    offline: { tolerateSeconds: offlineToleranceSeconds },
  });
  if (suspended !== undefined) {
    const { reason, until } = suspended;
    fields.set('suspend', plain(until === undefined ? reason : `${reason}, until ${until}`, suspended));
  }
  // The kind is in the action's id; a restore test repeats the interval of its schedule, and its host.
  const repeated = settings.kind === 'restore-test' ? ['kind', 'everySeconds', 'host'] : ['kind'];
  flatten(fields, '', Object.fromEntries(Object.entries(settings).filter(([key]) => !repeated.includes(key))));
  return fields;
}

/** `every 6h, 12m after the full hour's multiple`; always the same words for the same timing. */
export function describeTiming({ timing }: Schedule): string {
  if (timing.kind === 'cron') return `cron "${timing.expression}" ${timing.timezone}`;
  if (timing.kind === 'interval') {
    const every = `every ${formatDuration(timing.everySeconds)}`;
    return timing.offsetSeconds === 0 ? every : `${every}, offset ${formatDuration(timing.offsetSeconds)}`;
  }
  const at = [timing.hour, timing.minute].map((part) => String(part).padStart(2, '0')).join(':');
  const days = timing.days === undefined ? (timing.day ?? 'day') : `${timing.days.every}d`;
  return `every ${days} at ${at} ${timing.timezone}`;
}

/** By the last part of a path: the word of the language, where it differs from ours. A dot makes two parts. */
const WORDS: Readonly<Record<string, string>> = {
  verifyShare: 'verify.content',
  fullEverySeconds: 'full.every',
  scratchPath: 'scratch.path',
  scratchMaxBytes: 'scratch.max',
  password: 'passwordFrom',
  salt: 'saltFrom',
  privateKey: 'privateKeyFrom',
  passphrase: 'passphraseFrom',
  credentials: 'credentialsFrom',
  assertions: 'assert',
  uploadBytesPerSecond: 'upload',
  downloadBytesPerSecond: 'download',
};

/** Parts of a path that the language does not have: they only group. */
const SILENT = new Set(['source', 'rules', 'settings']);

function flatten(fields: Map<string, FieldValue>, path: string, value: object): void {
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    if (key === 'policyNames') {
      // The first is the policy's own.
      const former = (member as string[]).slice(1);
      if (former.length > 0) fields.set(join(path, 'formerly'), former.map(plainText));
      continue;
    }
    if (key === 'location') {
      const { name, ...rest } = member as { name: string };
      fields.set(join(path, 'location'), plainText(name));
      flatten(fields, path, rest);
      continue;
    }
    const item = itemOf(key, member);
    if (item !== undefined) fields.set(join(path, wordFor(key)), item);
    else if (Array.isArray(member)) addList(fields, join(path, wordFor(key)), member);
    else flatten(fields, SILENT.has(key) ? path : join(path, wordFor(key)), member as object);
  }
}

/** Entries with a name or a place of their own go by it, so that a change within one is seen as that. */
function addList(fields: Map<string, FieldValue>, path: string, list: unknown[]): void {
  const names = list.map((entry) => nameOf(entry));
  if (list.length > 0 && names.every((name) => name !== undefined)) {
    fields.set(path, names.map(plainText));
    for (const [index, entry] of list.entries()) {
      const { name: _name, ...rest } = entry as { name?: string };
      flatten(fields, join(path, names[index]!), rest);
    }
    return;
  }
  fields.set(
    path,
    list.map((entry) => plain(describeEntry(entry), entry)),
  );
}

function nameOf(entry: unknown): string | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  if ('name' in entry && typeof entry.name === 'string') return entry.name;
  // Of a place: the location, and the path below it.
  if (!('location' in entry && 'path' in entry)) return undefined;
  const { location, path } = entry as { location: { name: string }; path: string };
  return path === '' ? location.name : `${location.name}/${path}`;
}

function itemOf(key: string, value: unknown): FieldItem | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return plain(String(value), value);
  if (typeof value === 'number') return plain(describeNumber(key, value), value);
  if (key === 'sample') return plain(describeSample(value as RestoreSample), value);
  if (isSecretReference(value)) return plain(describeSecretReference(value), value);
  return undefined;
}

function isSecretReference(value: unknown): value is SecretReference {
  if (typeof value !== 'object' || value === null) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && ['env', 'file', 'command'].includes(keys[0]!);
}

/** Where a secret is found. A program's arguments may be secret, too. */
export function describeSecretReference(reference: SecretReference): string {
  if ('env' in reference) return `env ${reference.env}`;
  if ('file' in reference) return `file ${reference.file}`;
  return `command ${reference.command[0] ?? ''}`;
}

/** Units stand last in a name. */
function describeNumber(key: string, value: number): string {
  if (key.endsWith('Seconds')) return formatDuration(value);
  if (key.endsWith('BytesPerSecond')) return `${formatBytes(value)}/s`;
  if (key.endsWith('Bytes')) return formatBytes(value);
  if (key.toLowerCase().endsWith('share')) return `${Number((value * 100).toFixed(6))}%`;
  return String(value);
}

function describeSample(sample: RestoreSample): string {
  if (sample.kind === 'all') return 'all files';
  if (sample.kind === 'files') return `${sample.count} files`;
  return `every file within ${formatDuration(sample.withinSeconds)}`;
}

function describeEntry(entry: unknown): string {
  if (typeof entry !== 'object' || entry === null) return String(entry);
  if ('kind' in entry && 'path' in entry) return describeAssertion(entry as RestoreAssertion);
  return canonicalJson(entry);
}

/** One demand of a restore test. */
export function describeAssertion(assertion: RestoreAssertion): string {
  const { kind, path } = assertion;
  if (kind === 'exists') return `exists ${path}`;
  if (kind === 'script') return `script ${path} (timeout ${formatDuration(assertion.timeoutSeconds)})`;
  const { minSizeBytes, newerThanSeconds } = assertion;
  const demands = [
    ...(minSizeBytes === undefined ? [] : [`at least ${formatBytes(minSizeBytes)}`]),
    ...(newerThanSeconds === undefined ? [] : [`newer than ${formatDuration(newerThanSeconds)}`]),
  ];
  return [`file ${path}`, ...demands].join(', ');
}

function wordFor(key: string): string {
  return WORDS[key] ?? key.replace(/(?:Seconds|Bytes|Share)$/, '');
}

function plain(text: string, value: unknown): FieldItem {
  return { text, exact: canonicalJson(value) };
}

function plainText(text: string): FieldItem {
  return plain(text, text);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
