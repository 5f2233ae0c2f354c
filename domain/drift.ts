/** Drift: where policies, what is in force, the engine's schedules and the storage do not say the same. */
import type { PolicyCommit } from './action.ts';
import type { Finding } from './finding.ts';

export interface Drift {
  format: 'holdfast-drift/1';
  at: string;
  /** Of the policy files. */
  commit: PolicyCommit;
  /** Absent: nothing was ever applied. */
  inForce?: { id: string; commit: PolicyCommit };
  /** How many schedules were looked at. */
  schedules: number;
  /** The repositories that were looked at. */
  repositories: string[];
  findings: Finding[];
}
