/** What a simulation finds: plain data, times in ISO 8601, one number a day in each list. */
import type { ActionKind } from './action.ts';

export interface SimulatedKind {
  kind: ActionKind;
  runs: number;
  mostPerDay: number;
  /** Not run, because the run before was still going on. */
  skipped: number;
  /** Ended because they took longer than their schedule allows. */
  timedOut: number;
  suspended: number;
  /** On the day of their slot. */
  perDay: number[];
}

export interface SimulatedObjective {
  objectiveSeconds: number;
  /** The oldest that the newest recoverable data (of an RPO), or the longest that a restore (of an RTO), becomes. */
  worstSeconds: number;
  /** When. */
  worstAt?: string;
  /** When it is missed for the first time; absent: never. */
  missedAt?: string;
}

export interface SimulatedHolding {
  repository: string;
  /** At the end of each day. */
  perDay: number[];
  /** By reason, how many snapshots it keeps at the end of each day; `new`: not yet seen by a retention. One may have several. */
  reasons: Record<string, number[]>;
  forgotten: number;
  /** Retention runs that would have forgotten more than maxForget, and so forgot nothing. */
  refused: number;
  /** Those of them after which none was carried out. */
  refusedAtEnd: number;
  /** At the end, newest first. */
  kept: { time: string; reasons: string[] }[];
}

export interface SimulatedPolicy {
  policy: string;
  importance?: string;
  /** Absent: it has no backup. */
  rpo?: SimulatedObjective;
  /** Absent: no restore was measured. */
  rto?: SimulatedObjective;
  skipped: number;
  repositories: SimulatedHolding[];
}

export interface SimulatedStorage {
  /** Bytes at the end of each day, of all repositories. */
  perDay: number[];
  mostBytes: number;
  repositories: { repository: string; perDay: number[] }[];
  /** Repositories in which snapshots are forgotten, and no prune frees their data. */
  neverPruned: string[];
}

export interface Simulation {
  format: 'holdfast-simulation/1';
  from: string;
  to: string;
  days: number;
  assumptions: {
    /** How long a run takes whose length was not measured. */
    runSeconds: number;
    /** Actions whose lengths were measured. */
    measuredActions: number;
    actions: number;
  };
  runs: SimulatedKind[];
  policies: SimulatedPolicy[];
  /** Absent: how much there is to store is not known. */
  storage?: SimulatedStorage;
  /** Of all policies. */
  firstMiss?: { policy: string; objective: 'rpo' | 'rto'; at: string };
}
