/** The check workflow: one run that verifies a repository and a share of its data. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function check(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
