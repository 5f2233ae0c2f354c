/** The prune workflow: one run that frees the unreferenced data of a repository. */
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { runAction } from './run-action.ts';

export function prune(request: ActionRequest): Promise<RunRecord> {
  return runAction(request);
}
