/** What the first run after an apply would take away: which actions of a plan are asked, and what they answer. */
import { canonicalJson } from '../common/canonical-json.ts';
import type { Action, RetentionSettings, SyncSettings } from './action.ts';
import { placeKey } from './settings-places.ts';

export interface PlannedLoss {
  actionId: string;
  what: 'snapshots' | 'files';
  /** How many its next run would forget or remove. Absent: it is not known. */
  lost?: number;
  /** Snapshots of the policy in all. */
  of?: number;
  /** Of those lost, how many the rules in force would keep; absent: there were none. */
  keptSoFar?: number;
  /** The first of them, for people. */
  names: string[];
  /** Of a sync: the period for which what is removed is kept aside. */
  keptAside?: string;
  /** Why it is not known, or what a guard would refuse of it. */
  because?: string;
}

/** An action that may lose something by its change, with its settings before. */
export type Suspect =
  | { action: Action; settings: RetentionSettings; before?: RetentionSettings }
  | { action: Action; settings: SyncSettings };

/** Retentions and mirrors that are new, or changed in what decides over data; `formerIds`: of renamed ones (`renamedActions`). */
export function suspectsOf(
  before: readonly Action[],
  after: readonly Action[],
  formerIds: ReadonlyMap<string, string>,
): Suspect[] {
  const old = new Map(before.map((action) => [action.id, action]));
  return after.flatMap((action): Suspect[] => {
    const { settings } = action;
    const was = old.get(formerIds.get(action.id) ?? action.id)?.settings;
    if (settings.kind === 'retention') {
      const former = was?.kind === 'retention' ? was : undefined;
      if (former !== undefined && rulingOf(former) === rulingOf(settings)) return [];
      return [{ action, settings, ...(former === undefined ? {} : { before: former }) }];
    }
    if (settings.kind !== 'sync' || settings.mode !== 'mirror') return [];
    return was?.kind === 'sync' && mirroringOf(was) === mirroringOf(settings) ? [] : [{ action, settings }];
  });
}

/** What decides which snapshots are forgotten. */
function rulingOf({ repository, policyNames, rules, hold, expiring }: RetentionSettings): string {
  const { keep, proven, maxAge } = rules;
  return canonicalJson([
    placeKey(repository.location, repository.path),
    policyNames,
    keep,
    proven,
    maxAge,
    hold,
    expiring,
  ]);
}

/** What decides which files a mirror removes. */
function mirroringOf({ source, from, to, path, mode, include, encrypt }: SyncSettings): string {
  const place = from === undefined ? '' : placeKey(from.location, from.path);
  return canonicalJson([source, place, placeKey(to, path), mode, include, encrypt]);
}
