/** The backup workflow: one run of a backup into a repository. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function backup(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
