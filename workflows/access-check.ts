/** The access check workflow: one run that compares who may do what with what was declared. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function accessCheck(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
