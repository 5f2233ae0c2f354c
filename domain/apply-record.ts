/** Apply records: which actions a policy commit put in force, and when. Expected runs follow from them. */
import type { Action, PolicyCommit } from './action.ts';

export interface ApplyRecord {
  format: 'holdfast-apply/1';
  /** Names the record: sortable time and digest, `20261123T014730Z-1f2e3d4c`. */
  id: string;
  commit: PolicyCommit;
  appliedAt: string;
  appliedBy: string;
  /** SHA-256 (hex) over all action digests: two applies with the same digest put the same in force. */
  digest: string;
  /** All actions in force from `appliedAt` until the next apply record. */
  actions: Action[];
  /** What changed against the record before it. */
  changes: { created: string[]; changed: string[]; removed: string[]; unchanged: number };
}
