/** What is kept of many run records to judge them: per action the last run, the last good one, and what it proved. */
import type { Finding } from './finding.ts';
import { needsAttention } from './findings.ts';
import type { RunRecord } from './run-record.ts';

/** The part of a record that judgements need: records may hold hundreds of decisions and findings. */
export interface RunSummary {
  workflowId: string;
  runId: string;
  actionId: string;
  scheduledAt?: string;
  startedAt: string;
  finishedAt: string;
  outcome: RunRecord['outcome'];
  trigger: RunRecord['trigger'];
  error?: RunRecord['error'];
  /** Findings that need attention. */
  attention: number;
  /** It did its work, and what it worked on is as it should be: see `isGood`. */
  good: boolean;
  /** The message of the worst finding that needs attention. */
  worst?: string;
}

export interface ActionHistory {
  last?: RunSummary;
  /** What the last run found, notices left out. */
  lastFindings?: Finding[];
  lastGood?: RunSummary;
  /**
   * When the data of the newest snapshot was read: the start of the newest good backup that made one. Of a copy: when
   * the newest snapshot that it has was made, however late it was copied.
   */
  dataAt?: Date;
  /** Of a sync, as its newest successful run left it: the oldest change of the source that the target lacks; absent: none. */
  pending?: { since?: Date; asOf: Date };
  /** Of the newest restore test that proved its snapshot: the time of a restore that failed measures nothing. */
  restore?: { estimatedFullRestoreSeconds: number; measuredAt: Date };
  /** When a restore test last proved a snapshot. */
  provenAt?: Date;
}

export interface RunHistory {
  /** Records in any order. Dry runs are left out: they changed nothing and prove nothing. */
  add(record: RunRecord): void;
  of(actionId: string): ActionHistory;
}

export function summarizeRun(record: RunRecord): RunSummary {
  const { workflowId, runId, actionId, scheduledAt, startedAt, finishedAt, outcome, trigger, error } = record;
  return {
    workflowId,
    runId,
    actionId,
    ...(scheduledAt === undefined ? {} : { scheduledAt }),
    startedAt,
    finishedAt,
    outcome,
    trigger,
    ...(error === undefined ? {} : { error }),
    ...summarizeFindings(record),
    good: isGood(record),
  };
}

function summarizeFindings({ findings }: RunRecord): Pick<RunSummary, 'attention' | 'worst'> {
  const wanting = findings.filter(needsAttention);
  const worst = wanting.find(({ severity }) => severity === 'critical') ?? wanting[0];
  return { attention: wanting.length, ...(worst === undefined ? {} : { worst: worst.message }) };
}

/**
 * Whether a run may be called good: it succeeded and found nothing critical, and a restore test has proved its snapshot.
 * Warnings leave it good: a backup that could not read one file is a backup.
 */
export function isGood({ outcome, findings, figures }: RunRecord): boolean {
  if (outcome !== 'succeeded' || findings.some(({ severity }) => severity === 'critical')) return false;
  return figures?.kind !== 'restore-test' || figures.proven;
}

/** `renamed`: the present ids of actions by former ones, whose records are theirs. */
export function createRunHistory(renamed: ReadonlyMap<string, string> = new Map()): RunHistory {
  const histories = new Map<string, ActionHistory>();
  const present = (actionId: string): string => renamed.get(actionId) ?? actionId;
  return {
    add(record) {
      if (record.dryRun) return;
      const history = histories.get(present(record.actionId)) ?? {};
      histories.set(present(record.actionId), history);
      addRecord(history, record);
    },
    of: (actionId) => histories.get(present(actionId)) ?? {},
  };
}

function addRecord(history: ActionHistory, record: RunRecord): void {
  const summary = summarizeRun(record);
  if (isNewer(summary, history.last)) {
    history.last = summary;
    history.lastFindings = record.findings.filter(needsAttention);
  }
  if (record.outcome !== 'succeeded') return;
  if (summary.good && isNewer(summary, history.lastGood)) history.lastGood = summary;
  const started = new Date(record.startedAt);
  if (record.kind === 'backup' && record.snapshot !== undefined && isLater(started, history.dataAt)) {
    history.dataAt = started;
  }
  if (record.figures?.kind === 'copy' && record.figures.newestSnapshotTime !== undefined) {
    const made = new Date(record.figures.newestSnapshotTime);
    if (isLater(made, history.dataAt)) history.dataAt = made;
  }
  if (record.figures?.kind === 'sync' && isLater(started, history.pending?.asOf)) {
    const { oldestPendingAt } = record.figures;
    history.pending = { asOf: started, ...(oldestPendingAt === undefined ? {} : { since: new Date(oldestPendingAt) }) };
  }
  if (record.figures?.kind !== 'restore-test') return;
  const { proven, estimatedFullRestoreSeconds } = record.figures;
  if (!proven || !isLater(started, history.provenAt)) return;
  history.provenAt = started;
  history.restore = { estimatedFullRestoreSeconds, measuredAt: started };
}

function isNewer(run: RunSummary, known: RunSummary | undefined): boolean {
  return known === undefined || Date.parse(run.startedAt) >= Date.parse(known.startedAt);
}

function isLater(time: Date, known: Date | undefined): boolean {
  return known === undefined || time >= known;
}
