/** The workflow that goes on writing a run record when evidence was out of reach at the end of the run. */
import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/activities.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { recordOptions } from './policy.ts';

/** Apart from the run, so that the next run of the action is not kept from starting. */
export async function recordLater(request: ActionRequest, record: RunRecord): Promise<void> {
  await proxyActivities<Activities>(recordOptions(request, 'later')).recordRun({ evidence: request.evidence, record });
}
