/** The restore test workflow: one run that proves a snapshot by restoring from it. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function restoreTest(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
