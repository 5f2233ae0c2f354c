/** Writes pause records: what an operator stopped or let go on. */
import { randomBytes } from 'node:crypto';
import type { Action } from '../domain/action.ts';
import { renamedIds } from '../domain/former-names.ts';
import type { PauseRecord } from '../domain/pause-record.ts';
import { openPauses } from '../domain/pauses.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { actingPerson } from './acting-person.ts';

export function makePauseRecord(
  step: PauseRecord['step'],
  at: Date,
  { subject, actions, reason }: Pick<PauseRecord, 'subject' | 'actions' | 'reason'>,
): PauseRecord {
  const time = at.toISOString();
  return {
    format: 'holdfast-pause/1',
    id: `${time.replaceAll(/[-:]|\.\d+/g, '')}-${step}-${subject}-${randomBytes(4).toString('hex')}`,
    step,
    at: time,
    by: actingPerson(),
    ...(reason === undefined ? {} : { reason }),
    subject,
    actions,
  };
}

/** What is no longer in force is paused no longer: should it come back, it runs. */
export async function endPausesOfRemoved(
  evidence: EvidenceStore,
  inForce: readonly Action[],
  records: readonly PauseRecord[],
): Promise<void> {
  const ids = new Set(inForce.map(({ id }) => id));
  const gone = [...openPauses(records, renamedIds(inForce)).keys()].filter((id) => !ids.has(id));
  for (const [subject, actions] of Map.groupBy(gone, (id) => id.split('/')[1]!)) {
    const reason = 'no longer in force';
    await evidence.writePause(makePauseRecord('resume', new Date(), { subject, actions, reason }));
  }
}
