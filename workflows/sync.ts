/** The sync workflow: one run of a one-way sync to a location. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function sync(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
