/** The audit workflow: one run that holds expected runs against recorded ones. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function audit(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
