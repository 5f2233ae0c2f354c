/** The evidence contract: run, apply, adoption and pause records, written once, readable with the engine down. */
import type { AdoptionRecord } from '../domain/adoption-record.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import type { ActionKind } from '../domain/action.ts';
import type { PauseRecord } from '../domain/pause-record.ts';
import type { RunRecord } from '../domain/run-record.ts';

export interface RunQuery {
  /** Runs that finished at or after / before these instants. */
  from?: Date;
  to?: Date;
  /** One, or any of several. */
  policy?: string | readonly string[];
  actionId?: string | readonly string[];
  kinds?: ActionKind[];
}

/**
 * Promises: a record is written once and never changed: writing identical bytes again succeeds, other bytes under the
 * same name are an IntegrityError. Reading skips nothing silently: a record that cannot be parsed is an IntegrityError
 * that names it.
 */
export interface EvidenceStore {
  readonly description: string;
  /** Stored as `runs/YYYY/MM/DD/WORKFLOW-ID/RUN-ID.json`, the day of `finishedAt`, the id percent-encoded. */
  writeRun(record: RunRecord): Promise<void>;
  /** Ordered by `finishedAt`, oldest first. Folders of other days are not opened. */
  readRuns(query?: RunQuery): AsyncIterable<RunRecord>;
  /** Stored as `applies/ID.json`. */
  writeApply(record: ApplyRecord): Promise<void>;
  /** Oldest first. */
  readApplies(): AsyncIterable<ApplyRecord>;
  latestApply(): Promise<ApplyRecord | undefined>;
  /** Stored as `adoptions/ID.json`. */
  writeAdoption(record: AdoptionRecord): Promise<void>;
  /** Oldest first. */
  readAdoptions(): AsyncIterable<AdoptionRecord>;
  /** Stored as `pauses/ID.json`. */
  writePause(record: PauseRecord): Promise<void>;
  /** Oldest first. */
  readPauses(): Promise<PauseRecord[]>;
  close(): Promise<void>;
}
