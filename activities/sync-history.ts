/** What the run records say of earlier runs of a sync. */
import type { ActionRequest } from '../domain/action.ts';
import { formerIds } from '../domain/former-names.ts';
import type { SyncHistory } from '../domain/sync-marker.ts';
import type { Dependencies } from './dependencies.ts';

/** Of the successful runs that changed something. */
export async function readHistory(
  deps: Pick<Dependencies, 'openEvidence'>,
  request: ActionRequest,
): Promise<SyncHistory> {
  const evidence = await deps.openEvidence(request.evidence);
  const history = { succeeded: false, marked: false };
  try {
    const actionId = [request.action.id, ...formerIds(request.action)];
    for await (const { outcome, dryRun, figures } of evidence.readRuns({ actionId })) {
      if (outcome !== 'succeeded' || dryRun) continue;
      history.succeeded = true;
      history.marked = figures?.kind === 'sync' && figures.marked === true;
    }
    return history;
  } finally {
    await evidence.close();
  }
}
