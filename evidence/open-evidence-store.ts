/** The evidence store on any Storage: canonical JSON, one object a record, written once and read back in order. */
import { canonicalJson } from '../common/canonical-json.ts';
import { HoldfastError, IntegrityError } from '../common/errors.ts';
import type { AdoptionRecord } from '../domain/adoption-record.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import type { PauseRecord } from '../domain/pause-record.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { Storage } from '../storage/storage.ts';
import type { EvidenceStore, RunQuery } from './evidence-store.ts';
import { adoptionName, applyName, encodeSegment, pauseName, runName, runPrefixes } from './record-names.ts';

/** Records of one day that are read at the same time. */
const READ_AHEAD = 16;

/**
 * Opens the records below a storage's root; nothing is created before the first write. Writing needs a storage whose
 * `existing: 'refuse'` is atomic. Errors are the storage's own, and IntegrityError for records that cannot be read or
 * would be changed.
 */
export function openEvidenceStore(storage: Storage): EvidenceStore {
  return {
    description: storage.description,
    writeRun: (record) => writeRun(storage, record),
    readRuns: (query = {}) => readRuns(storage, query),
    writeApply: (record) => writeOnce(storage, applyName(record.id), record),
    readApplies: () => readApplies(storage),
    latestApply: () => latestApply(storage),
    writeAdoption: (record) => writeOnce(storage, adoptionName(record.id), record),
    readAdoptions: () => readAdoptions(storage),
    writePause: (record) => writeOnce(storage, pauseName(record.id), record),
    readPauses: () => readPauses(storage),
    close: () => storage.close(),
  };
}

async function writeRun(storage: Storage, record: RunRecord): Promise<void> {
  // Reading one action's or kind's runs goes by the names alone, so the name must say both.
  if (!record.workflowId.includes(record.actionId) || !record.actionId.includes(`/${record.kind}`)) {
    throw new HoldfastError(
      'Usage',
      `the run ${record.workflowId} does not carry the id of its action, ${record.actionId}, and its kind, ${record.kind}`,
      {
        hint: 'Start workflows with an id that contains the id of the action, which contains its kind.',
      },
    );
  }
  await writeOnce(storage, runName(record), record);
}

/** A retry that meets its own bytes has succeeded; anything else under the name stays as it is, and is an error. */
async function writeOnce(
  storage: Storage,
  name: string,
  record: RunRecord | ApplyRecord | AdoptionRecord | PauseRecord,
): Promise<void> {
  const content = Buffer.from(`${canonicalJson(record)}\n`, 'utf8');
  try {
    await storage.write(name, content, { existing: 'refuse' });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'AlreadyExists') throw error;
    if (content.equals(await storage.read(name))) return;
    throw new IntegrityError(`the record ${name} in ${storage.description} is there already, with other content`, {
      hint: 'Find out who wrote it; records are never changed.',
      cause: error,
    });
  }
}

async function* readRuns(storage: Storage, query: RunQuery): AsyncGenerator<RunRecord> {
  for (const prefix of runPrefixes(query.from, query.to)) {
    let day = '';
    let names: string[] = [];
    for await (const entry of storage.list(prefix)) {
      const entryDay = dayOfName(storage, entry.name);
      if (entryDay !== day) yield* readDay(storage, names, query);
      if (entryDay !== day) names = [];
      day = entryDay;
      if (mayMatch(entry.name, query)) names.push(entry.name);
    }
    yield* readDay(storage, names, query);
  }
}

function dayOfName(storage: Storage, name: string): string {
  const match = /^runs\/(\d{4}\/\d{2}\/\d{2})\/[^/]+\/[^/]+\.json$/.exec(name);
  if (match?.[1] === undefined) throw notARecord(storage, name, 'its name is none of a run record');
  return match[1];
}

/** Workflow ids contain the action's id (`writeRun` sees to it), so that most records of others need not be read. */
function mayMatch(name: string, query: RunQuery): boolean {
  const has = (text: string): boolean => name.includes(encodeSegment(text));
  if (query.actionId !== undefined && ![query.actionId].flat().some(has)) return false;
  if (query.kinds !== undefined && !query.kinds.some((kind) => has(`/${kind}`))) return false;
  return query.policy === undefined || [query.policy].flat().some(has);
}

async function* readDay(storage: Storage, names: string[], query: RunQuery): AsyncGenerator<RunRecord> {
  const records: RunRecord[] = [];
  for (let start = 0; start < names.length; start += READ_AHEAD) {
    const batch = names.slice(start, start + READ_AHEAD);
    const read = await Promise.all(batch.map((name) => readRun(storage, name)));
    records.push(...read.filter((record) => matches(record, query)));
  }
  yield* records.sort(byFinish);
}

function matches(record: RunRecord, query: RunQuery): boolean {
  const finished = Date.parse(record.finishedAt);
  if (query.from !== undefined && finished < query.from.getTime()) return false;
  if (query.to !== undefined && finished > query.to.getTime()) return false;
  if (query.policy !== undefined && ![query.policy].flat().includes(record.policy ?? '')) return false;
  if (query.kinds !== undefined && !query.kinds.includes(record.kind)) return false;
  return query.actionId === undefined || [query.actionId].flat().includes(record.actionId);
}

function byFinish(a: RunRecord, b: RunRecord): number {
  const difference = Date.parse(a.finishedAt) - Date.parse(b.finishedAt);
  if (difference !== 0) return difference;
  return runName(a) < runName(b) ? -1 : 1;
}

async function readRun(storage: Storage, name: string): Promise<RunRecord> {
  const record = (await readRecord(storage, name, 'holdfast-run/1', [
    'workflowId',
    'runId',
    'actionId',
    'startedAt',
    'finishedAt',
    'outcome',
  ])) as unknown as RunRecord;
  if (Number.isNaN(Date.parse(record.finishedAt)) || runName(record) !== name) {
    throw notARecord(storage, name, 'it is the record of another run or day');
  }
  if (!Array.isArray(record.findings)) throw notARecord(storage, name, 'it has no list of findings');
  return record;
}

async function readApply(storage: Storage, name: string): Promise<ApplyRecord> {
  const record = (await readRecord(storage, name, 'holdfast-apply/1', [
    'id',
    'appliedAt',
    'digest',
  ])) as unknown as ApplyRecord;
  if (applyName(record.id) !== name) throw notARecord(storage, name, 'it is the record of another apply');
  if (!Array.isArray(record.actions)) throw notARecord(storage, name, 'it has no list of actions');
  return record;
}

async function readRecord(
  storage: Storage,
  name: string,
  format: string,
  texts: string[],
): Promise<Record<string, unknown>> {
  const content = await storage.read(name);
  let record: unknown;
  try {
    record = JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw notARecord(storage, name, 'it is not JSON', error);
  }
  if (typeof record !== 'object' || record === null) throw notARecord(storage, name, 'it is not an object');
  const fields = record as Record<string, unknown>;
  if (fields['format'] !== format) throw notARecord(storage, name, `its format is not ${format}`);
  const broken = texts.find((field) => typeof fields[field] !== 'string');
  if (broken !== undefined) throw notARecord(storage, name, `its field ${broken} is not text`);
  return fields;
}

function notARecord(storage: Storage, name: string, reason: string, cause?: unknown): IntegrityError {
  return new IntegrityError(`${name} in ${storage.description} is not a record that can be read: ${reason}`, {
    hint: 'Bring the file back from a copy of the evidence, or move it away if holdfast did not write it.',
    cause,
  });
}

/** Their names sort by time. */
async function* readAdoptions(storage: Storage): AsyncGenerator<AdoptionRecord> {
  for await (const { name } of storage.list('adoptions/')) {
    const texts = ['id', 'adoptedAt', 'adoptedBy', 'policy', 'repositoryId'];
    const record = (await readRecord(storage, name, 'holdfast-adoption/1', texts)) as unknown as AdoptionRecord;
    if (adoptionName(record.id) !== name) throw notARecord(storage, name, 'it is the record of another adoption');
    if (!Array.isArray(record.snapshots)) throw notARecord(storage, name, 'it has no list of snapshots');
    yield record;
  }
}

/** Few, since people make them. */
async function readPauses(storage: Storage): Promise<PauseRecord[]> {
  const records: PauseRecord[] = [];
  for await (const { name } of storage.list('pauses/')) {
    const texts = ['id', 'step', 'at', 'by', 'subject'];
    const record = (await readRecord(storage, name, 'holdfast-pause/1', texts)) as unknown as PauseRecord;
    if (pauseName(record.id) !== name) throw notARecord(storage, name, 'it is the record of another pause');
    if (!Array.isArray(record.actions)) throw notARecord(storage, name, 'it has no list of actions');
    records.push(record);
  }
  return records.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** Ids start with the second of the apply: within one second the exact time decides, across seconds the names do. */
async function* readApplies(storage: Storage): AsyncGenerator<ApplyRecord> {
  let names: string[] = [];
  for await (const entry of storage.list('applies/')) {
    if (names[0] !== undefined && secondOf(names[0]) !== secondOf(entry.name)) {
      yield* await readApplyGroup(storage, names);
      names = [];
    }
    names.push(entry.name);
  }
  yield* await readApplyGroup(storage, names);
}

async function latestApply(storage: Storage): Promise<ApplyRecord | undefined> {
  let names: string[] = [];
  for await (const entry of storage.list('applies/')) {
    if (names[0] !== undefined && secondOf(names[0]) !== secondOf(entry.name)) names = [];
    names.push(entry.name);
  }
  return (await readApplyGroup(storage, names)).at(-1);
}

function secondOf(name: string): string {
  return name.split('-', 1)[0] ?? name;
}

async function readApplyGroup(storage: Storage, names: string[]): Promise<ApplyRecord[]> {
  const records = await Promise.all(names.map((name) => readApply(storage, name)));
  return records.sort(
    (a, b) => Date.parse(a.appliedAt) - Date.parse(b.appliedAt) || (applyName(a.id) < applyName(b.id) ? -1 : 1),
  );
}
