/** The request of a run of an action that is in force. */
import type { Action, ActionRequest, EvidenceSettings } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';

/** What a run of the action gets. */
export function requestFor(
  action: Action,
  record: ApplyRecord,
  evidence: EvidenceSettings,
  trigger: ActionRequest['trigger'],
): ActionRequest {
  return { action, commit: record.commit, applyId: record.id, evidence, trigger };
}
