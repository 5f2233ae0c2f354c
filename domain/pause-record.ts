/** Pause records: which actions an operator stopped or let go on, when, and why. */

export interface PauseRecord {
  format: 'holdfast-pause/1';
  /** Names the record: sortable time, step and subject, and something that tells two of one second apart. */
  id: string;
  step: 'pause' | 'resume';
  /** ISO 8601 in UTC. */
  at: string;
  by: string;
  /** Always there for a pause. */
  reason?: string;
  /** The policy or repository that was named. */
  subject: string;
  /** Their ids. */
  actions: string[];
}
