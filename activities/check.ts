/** Use case: verifies a repository's structure, and a rotating share of its data. */
import type { ActionRequest } from '../domain/action.ts';
import { limitFindings } from '../domain/findings.ts';
import type { ReadDataPart } from '../domain/read-data-part.ts';
import { intervalSeconds, turnAt } from '../domain/rotation.ts';
import type { ActionOutcome } from '../domain/run-record.ts';
import { checkRepository } from '../repository/check-repository.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository } from './with-repository.ts';

/**
 * Checks under a shared lock, beside backups. The share of packs that is read moves on with the schedule's turns.
 * Problems are findings `repository/…`; a repository that cannot be opened fails the run. A dry run reads no data.
 */
export async function check(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'check');
  const now = deps.clock();
  const { schedule } = request.action;
  const turn = turnAt(schedule, intervalSeconds(schedule, now), now);
  const readData: ReadDataPart =
    request.dryRun === true ? { kind: 'none' } : { kind: 'rotating', share: settings.readDataShare, turn };
  const access = { role: 'reader', lock: 'shared' } as const;
  return withRepository(deps, settings.repository, access, context, async ({ repository, signal }) => {
    const options = { readData, signal, progress: context.progress };
    const { figures, problems } = await checkRepository(repository, options);
    return { figures, findings: limitFindings(problems) };
  });
}
