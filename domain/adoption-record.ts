/** Adoption records: which snapshots that were there before became a policy's, by whom, and under which new ids. */
import type { PolicyCommit } from './action.ts';

export interface AdoptedSnapshot {
  /** The ids of its file before and after: the content of both is the same but for tags and `original`. */
  oldId: string;
  newId: string;
  /** When the snapshot was made, as it says: ages count from then. */
  time: string;
  hostname: string;
  paths: string[];
}

export interface AdoptionRecord {
  format: 'holdfast-adoption/1';
  /** Names the record: sortable time, policy and the repository's id, `20261123T014730Z-orders-1f2e3d4c`. */
  id: string;
  /** All new snapshots were stored then; the old files are removed after it. ISO 8601 in UTC. */
  adoptedAt: string;
  adoptedBy: string;
  policy: string;
  /** As it was named: in the policies, or by its place. */
  repository: string;
  /** The id in the repository's config: which repository it really was. */
  repositoryId: string;
  /** Where the policies were; absent: the repository was named by its place alone. */
  commit?: PolicyCommit;
  snapshots: AdoptedSnapshot[];
}
