/** The marker file in the root of a sync's target: what it says, and whether a run may write there. */
import type { GuardRefusal } from './sync-plan.ts';

/** In the target's root, readable also where the target is encrypted; on either side of a sync it is no part of what is synced. */
export const SYNC_MARKER_FILE = '.holdfast-sync.json';

export interface SyncMarker {
  format: 'holdfast-sync/1';
  /** Whose target it is. */
  policy: string;
  /** The location's name in the policies, and the path below it. */
  target: string;
  path: string;
  /** ISO 8601 in UTC. */
  createdAt: string;
  /** What the target does not tell apart in names, as it was tried when the marker was written. */
  folds: NameFold[];
  /** What the last run found that its disk keeps of metadata; absent: everything, or a marker of before that was tried. */
  keeps?: DiskKeeps;
}

/** As `files/disk-keeps.ts` has it. */
interface DiskKeeps {
  timeUnitNs: number;
  modes: boolean;
  owners: boolean;
  links: boolean;
  oddNames: boolean;
  anyBytes: boolean;
}

/** As `files/name-folds.ts` has them. */
type NameFold = 'case' | 'unicode' | 'spelling';

/** What a target's root holds. `unreadable`: a marker that no version known here has written. */
export type TargetState =
  | { kind: 'absent' | 'empty' | 'unmarked' | 'unreadable' }
  | { kind: 'marked'; marker: SyncMarker };

/** What the run records say of earlier syncs to the target. */
export interface SyncHistory {
  succeeded: boolean;
  /** The newest success left a marker. */
  marked: boolean;
}

export interface TargetClaim {
  /** For messages: `/mnt/standby/orders`. */
  description: string;
  state: TargetState;
  /** The policy's name and its former names. */
  policyNames: readonly string[];
  mode: 'mirror' | 'copy';
  history: SyncHistory;
  /** Guards the operator accepts for this one run. */
  accept: readonly string[];
}

/** Its hint ends where the command to type begins. */
export interface TargetRefusal extends Omit<GuardRefusal, 'guard'> {
  guard: 'foreignTarget' | 'missingTarget';
  hint: string;
}

/** undefined for any text that is no marker of this format. */
export function parseSyncMarker(text: string): SyncMarker | undefined {
  let value: Partial<Record<keyof SyncMarker, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value?.format !== 'holdfast-sync/1') return undefined;
  const { policy, target, path, createdAt, folds, keeps } = value;
  if (![policy, target, path, createdAt].every((part) => typeof part === 'string')) return undefined;
  const known = Array.isArray(folds)
    ? (['case', 'unicode', 'spelling'] as const).filter((fold) => folds.includes(fold))
    : [];
  const told = parseKeeps(keeps);
  const rest = told === undefined ? {} : { keeps: told };
  return { format: value.format, policy, target, path, createdAt, folds: known, ...rest } as SyncMarker;
}

function parseKeeps(value: unknown): DiskKeeps | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { timeUnitNs, ...abilities } = value as Partial<DiskKeeps>;
  if (!Number.isSafeInteger(timeUnitNs) || timeUnitNs! < 1) return undefined;
  const can = (ability: keyof typeof abilities): boolean => abilities[ability] === true;
  const [modes, owners, links] = [can('modes'), can('owners'), can('links')];
  return { timeUnitNs: timeUnitNs!, modes, owners, links, oddNames: can('oddNames'), anyBytes: can('anyBytes') };
}

/**
 * Refuses a target that is somebody else's, and one that ought to have a marker and is empty: then something is not
 * mounted. A target that was filled before there were markers is known by the records of its runs.
 */
export function checkTargetClaim(claim: TargetClaim): TargetRefusal | undefined {
  const { state, history, accept } = claim;
  if (state.kind === 'absent') return undefined;
  if (state.kind === 'empty') {
    return history.marked && !accept.includes('missingTarget') ? refuseEmptied(claim) : undefined;
  }
  if (accept.includes('foreignTarget')) return undefined;
  if (state.kind === 'marked') {
    return claim.policyNames.includes(state.marker.policy) ? undefined : refuseForeign(claim, ownedBy(state.marker));
  }
  if (state.kind === 'unreadable')
    return refuseForeign(claim, `has a marker (${SYNC_MARKER_FILE}) that cannot be read`);
  if (!history.succeeded) return refuseForeign(claim, 'holds files already, and no sync of this policy has filled it');
  if (!history.marked) return undefined;
  return refuseForeign(claim, `holds files, but not the marker (${SYNC_MARKER_FILE}) that the last sync left there`);
}

function ownedBy({ policy, createdAt }: SyncMarker): string {
  return `is the target of the policy ${JSON.stringify(policy)}, since ${createdAt}`;
}

function refuseForeign({ description, mode }: TargetClaim, what: string): TargetRefusal {
  const consequence = mode === 'mirror' ? ' and remove what the source does not have' : '';
  return {
    guard: 'foreignTarget',
    message: `the target ${description} ${what}`,
    hint: `Check that the policy names the right place, and that the right disk is mounted there. If the sync is to take it over${consequence}`,
  };
}

function refuseEmptied({ description }: TargetClaim): TargetRefusal {
  return {
    guard: 'missingTarget',
    message: `the target ${description} is empty, though a sync has filled it before`,
    hint: 'Check that it is mounted. If it is to be filled anew',
  };
}
