/** What run records tell a simulation: how long runs took, and how the data of a policy has grown. */
import type { GrowthModel } from './growth-model.ts';
import type { BackupFigures, RunRecord } from './run-record.ts';

const DAY_MS = 86_400_000;

export interface MeasuredRuns {
  /** The median of its good runs, by action id. */
  runSeconds: Map<string, number>;
  /** By policy, of those with two backups or more. */
  growth: Map<string, GrowthModel>;
  /** What a restore of everything takes as the newest restore test has it, by policy. */
  restoreSeconds: Map<string, number>;
}

interface BackupPoint {
  at: number;
  figures: BackupFigures;
}

/** `records`: oldest first, read once. */
export async function measureRuns(records: AsyncIterable<RunRecord> | Iterable<RunRecord>): Promise<MeasuredRuns> {
  const lengths = new Map<string, number[]>();
  const backups = new Map<string, BackupPoint[]>();
  const restoreSeconds = new Map<string, number>();
  for await (const { actionId, policy, startedAt, finishedAt, outcome, dryRun, figures } of records) {
    if (outcome !== 'succeeded' || dryRun) continue;
    const own = lengths.get(actionId) ?? [];
    own.push((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
    lengths.set(actionId, own);
    if (policy === undefined) continue;
    if (figures?.kind === 'restore-test') restoreSeconds.set(policy, figures.estimatedFullRestoreSeconds);
    if (figures?.kind !== 'backup') continue;
    // A policy with several repositories stores the same in each: the first one tells.
    const points = backups.get(actionId) ?? [];
    points.push({ at: Date.parse(startedAt), figures });
    backups.set(actionId, points);
  }
  const growth = new Map<string, GrowthModel>();
  for (const [actionId, points] of backups) {
    const policy = actionId.split('/')[1]!;
    const model = modelOf(points);
    if (model !== undefined && !growth.has(policy)) growth.set(policy, model);
  }
  const runSeconds = new Map([...lengths].map(([id, seconds]) => [id, median(seconds)]));
  return { runSeconds, growth, restoreSeconds };
}

/** From the first backup to the last: what the source has grown by stays, all else that was stored came in place of other data. */
function modelOf(points: readonly BackupPoint[]): GrowthModel | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  const days = (last.at - first.at) / DAY_MS;
  const total = (field: 'bytesAdded' | 'bytesStored', from: number): number =>
    points.slice(from).reduce((sum, { figures }) => sum + figures[field], 0);
  const added = total('bytesAdded', 0);
  const compression = added === 0 ? 1 : Math.min(1, total('bytesStored', 0) / added);
  const growth = (last.figures.bytesProcessed - first.figures.bytesProcessed) * compression;
  return {
    sizeBytes: last.figures.bytesProcessed * compression,
    growthBytesPerDay: Math.max(0, growth / days),
    changedBytesPerDay: Math.max(0, (total('bytesStored', 1) - Math.max(0, growth)) / days),
  };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
