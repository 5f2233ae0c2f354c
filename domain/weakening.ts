/** What a change of the policies takes away from protection: data that is protected less, kept shorter, or proved more seldom. */
import { canonicalJson } from '../common/canonical-json.ts';
import { formatDuration } from '../common/durations.ts';
import type { Action, LocationSettings, RepositorySettings } from './action.ts';
import { describeSecretReference } from './action-fields.ts';
import { nameOfAction, subjectOfAction } from './action-names.ts';
import { isSuspendedAt, resumesAt } from './expected-runs.ts';
import { renamedActions } from './renamed-actions.ts';
import { locationsOf, placeKey, repositoriesOf } from './settings-places.ts';
import { weakerSchedule } from './weaker-schedule.ts';
import { weakerSettings } from './weaker-settings.ts';

export interface Weakening {
  /** Whose protection: `policy orders`, `repository offsite`, `location vault`, `project`. */
  subject: string;
  /** A sentence after the subject: `the backup to offsite does not run any more`. */
  what: string;
}

type Add = (subject: string, what: string) => void;

/** Kinds whose end takes protection away: without retention and prune there is only more. */
const PROTECTING: ReadonlySet<Action['kind']> = new Set([
  'sync',
  'backup',
  'copy',
  'check',
  'access-check',
  'restore-test',
  'audit',
]);

/**
 * Compares what is in force with what is wanted; nothing twice. A policy that names its former name is that policy.
 * Whatever protects less counts, an exclude that is new among them.
 */
export function findWeakenings(before: readonly Action[], after: readonly Action[], now: Date): Weakening[] {
  const found = new Map<string, Weakening>();
  const add: Add = (subject, what) => void found.set(`${subject}\0${what}`, { subject, what });
  const renamed = new Map([...renamedActions(before, after)].map(([id, old]) => [old, id]));
  const wanted = new Map(after.map((action) => [action.id, action]));
  const subjects = new Set(after.map(({ id }) => subjectOfAction(id)));
  const suspended: Action[] = [];
  for (const old of before) {
    const action = wanted.get(renamed.get(old.id) ?? old.id);
    if (action === undefined) addRemoval(old, subjects, add);
    else {
      for (const what of weakerAction(old, action)) add(subjectOfAction(action.id), what);
      if (isSuspendedLonger(old, action, now)) suspended.push(action);
    }
  }
  addSuspensions(suspended, after, add);
  addFirstRetentions(before, after, renamed, add);
  addRepositories(before, after, add);
  addAccess(before, after, add);
  return [...found.values()];
}

function addRemoval(old: Action, subjects: ReadonlySet<string>, add: Add): void {
  const subject = subjectOfAction(old.id);
  if (old.policy !== undefined && !subjects.has(subject)) add(subject, 'is removed: nothing of it runs any more');
  else if (PROTECTING.has(old.kind)) add(subject, `the ${nameOfAction(old)} does not run any more`);
}

function* weakerAction(before: Action, after: Action): Generator<string> {
  const name = `the ${nameOfAction(after)}`;
  if (PROTECTING.has(after.kind))
    for (const what of weakerSchedule(before.schedule, after.schedule)) yield `${name} ${what}`;
  for (const what of weakerSettings(before.settings, after.settings)) yield `${name} ${what}`;
  const objectives = [
    ['RPO', before.objectives?.rpoSeconds, after.objectives?.rpoSeconds],
    ['RTO', before.objectives?.rtoSeconds, after.objectives?.rtoSeconds],
  ] as const;
  for (const [objective, old = Infinity, now = Infinity] of objectives)
    if (now > old)
      yield `the ${objective} is ${now === Infinity ? 'gone' : formatDuration(now)}, no longer ${formatDuration(old)}`;
  if (after.offlineToleranceSeconds > before.offlineToleranceSeconds)
    yield `missed runs are told only after ${formatDuration(after.offlineToleranceSeconds)} of silence`;
}

function isSuspendedLonger(before: Action, after: Action, now: Date): boolean {
  if (!PROTECTING.has(after.kind) || !isSuspendedAt(after, now)) return false;
  const end = (action: Action) => resumesAt(action)?.getTime() ?? Infinity;
  return !isSuspendedAt(before, now) || end(after) > end(before);
}

/** A policy that is suspended as a whole is told in one sentence. */
function addSuspensions(suspended: readonly Action[], after: readonly Action[], add: Add): void {
  const all = Map.groupBy(
    after.filter(({ kind }) => PROTECTING.has(kind)),
    ({ id }) => subjectOfAction(id),
  );
  for (const [subject, actions] of Map.groupBy(suspended, ({ id }) => subjectOfAction(id))) {
    for (const [what, same] of Map.groupBy(actions, describeSuspension)) {
      const isWhole = same.length > 1 && same.length === all.get(subject)?.length;
      if (isWhole) add(subject, `nothing of it runs ${what}`);
      else for (const action of same) add(subject, `the ${nameOfAction(action)} does not run ${what}`);
    }
  }
}

function describeSuspension({ suspended }: Action): string {
  const { reason, until } = suspended!;
  return `until ${until ?? 'further notice'} (${reason})`;
}

/** Without rules all snapshots were kept. */
function addFirstRetentions(
  before: readonly Action[],
  after: readonly Action[],
  renamed: ReadonlyMap<string, string>,
  add: Add,
): void {
  const were = new Set(before.map(({ id }) => renamed.get(id) ?? id));
  for (const { id, kind } of after) {
    if (kind !== 'retention' || were.has(id)) continue;
    const [backup, copy] = ['/backup/', '/copy/'].map((writer) => id.replace('/retention/', writer));
    if (were.has(backup!) || were.has(copy!))
      add(subjectOfAction(id), `the ${nameOfAction({ id, kind })} forgets by rules what was all kept`);
  }
}

/** By name: what they are to all actions alike. */
function addRepositories(before: readonly Action[], after: readonly Action[], add: Add): void {
  const now = repositoriesByName(after);
  for (const [name, old] of repositoriesByName(before)) {
    const repository = now.get(name);
    if (repository === undefined) continue;
    if (placeKey(old.location, old.path) !== placeKey(repository.location, repository.path))
      add(`repository ${name}`, 'is at another place: snapshots at the old one are not used any more');
    if (canonicalJson(old.password) === canonicalJson(repository.password)) continue;
    const [was, is] = [old, repository].map(({ password }) => describeSecretReference(password));
    add(
      `repository ${name}`,
      `its password comes from ${is}${was === is ? ', with other arguments' : `, no longer from ${was}`}`,
    );
  }
}

function repositoriesByName(actions: readonly Action[]): Map<string, RepositorySettings> {
  return new Map(actions.flatMap(({ settings }) => repositoriesOf(settings)).map((found) => [found.name, found]));
}

/** Whoever may do more than before without being a finding. */
function addAccess(before: readonly Action[], after: readonly Action[], add: Add): void {
  const now = locationsByName(after);
  for (const [name, old] of locationsByName(before)) {
    const location = now.get(name);
    if (location === undefined) continue;
    for (const role of ['admins', 'writers', 'readers'] as const) {
      const known = old.access?.[role] ?? (role === 'admins' ? ['root'] : []);
      const more = (location.access?.[role] ?? []).filter((account) => !known.includes(account));
      if (more.length > 0) add(`location ${name}`, `its ${role} are also ${more.join(', ')}`);
    }
  }
}

function locationsByName(actions: readonly Action[]): Map<string, LocationSettings> {
  return new Map(actions.flatMap(({ settings }) => locationsOf(settings)).map((found) => [found.name, found]));
}
