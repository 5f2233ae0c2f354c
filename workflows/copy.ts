/** The copy workflow: one run that copies a policy’s snapshots from repository to repository. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function copy(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
