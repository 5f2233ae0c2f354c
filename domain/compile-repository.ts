/** The actions of one repository: prune and check, each only when its document writes it. */
import { parseDuration } from '../common/durations.ts';
import { parseShare } from '../common/sizes.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Policy, Repository } from '../schemas/types.ts';
import { smallestTolerance } from './offline-tolerance.ts';
import type { ActionDraft } from './action-draft.ts';
import { projectTimezone, type PolicyFolder } from './policy-folder.ts';
import { resolveRepository } from './resolve-places.ts';
import { resolveSchedule, type ScheduleBlock } from './resolve-schedule.ts';

const DEFAULT_EVERY = '7d';

/** None for a repository whose location is not built. */
export function compileRepository(document: LoadedDocument<Repository>, folder: PolicyFolder): ActionDraft[] {
  const { prune, check } = document.content.spec;
  const repository = resolveRepository(document.name, folder);
  if (repository === undefined) return [];
  const offlineToleranceSeconds = smallestTolerance(usersOf(document.name, folder));
  const host = repository.location.local?.host;
  const draft = (block: ScheduleBlock, settings: ActionDraft['settings']): ActionDraft => {
    const id = `repository/${document.name}/${settings.kind}`;
    return {
      id,
      kind: settings.kind,
      target: document.name,
      schedule: resolveSchedule(block, { every: DEFAULT_EVERY, timezone: projectTimezone(folder), actionId: id }),
      settings,
      ...(host === undefined ? {} : { host }),
      offlineToleranceSeconds,
      ...(block.disabled === undefined ? {} : { suspended: block.disabled }),
    };
  };
  const drafts: ActionDraft[] = [];
  if (prune !== undefined) {
    const maxUnusedShare = parseShare(prune.maxUnused ?? '5%');
    drafts.push(
      draft(prune, { kind: 'prune', repository, maxUnusedShare, afterSeconds: parseDuration(prune.after ?? '7d') }),
    );
  }
  if (check !== undefined) {
    drafts.push(draft(check, { kind: 'check', repository, readDataShare: parseShare(check.readData ?? '0%') }));
  }
  return drafts;
}

/** The policies that back up to a repository, or copy to it. */
function usersOf(repository: string, folder: PolicyFolder): LoadedDocument<Policy>[] {
  return [...folder.policies.values()].filter(({ content: { spec } }) =>
    [...(spec.backup ?? []), ...(spec.copy ?? [])].some(({ to }) => to === repository),
  );
}
