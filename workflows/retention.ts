/** The retention workflow: one run of a policy's keep rules on a repository. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function retention(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
