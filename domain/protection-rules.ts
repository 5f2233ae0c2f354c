/** Protection: objectives that the schedules can reach, tests that have something to test, rules that keep something. */
import { canonicalJson } from '../common/canonical-json.ts';
import { formatDuration, parseDuration } from '../common/durations.ts';
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Backup, Identity, Location, Policy, Project, Retention } from '../schemas/types.ts';
import { classSettings, type ClassSettings, DEFAULT_CLASS } from './classes.ts';
import { problemAt } from './located-problem.ts';
import { projectTimezone, type PolicyFolder } from './policy-folder.ts';
import { findRefusedRetention, type PlayedRetention } from './refused-retention.ts';
import { DEFAULT_MAX_FORGET, RETENTION_EVERY, resolveRetentionRules } from './resolve-retention.ts';
import { resolveSchedule, type ScheduleBlock } from './resolve-schedule.ts';
import type { Schedule } from './schedule.ts';
import { longestGapSeconds } from './schedule-gaps.ts';
import { keepsNothing, retentionSpanSeconds } from './retention-span.ts';

export function findProtectionProblems(folder: PolicyFolder): Problem[] {
  const screened = new Map<string, boolean>();
  const policies = [...folder.policies.values()].flatMap((policy) => [
    ...checkRecoveryPoint(policy, folder),
    ...checkNeedsBackup(policy),
    ...retentionsOf(policy).flatMap(({ block, path }) => checkKeep(policy, block.keep, [...path, 'keep'])),
    ...checkMaxForget(policy, folder, screened),
    ...checkLocks(policy, folder),
    ...checkExpiry(policy),
  ]);
  return [...policies, ...checkClasses(folder.project), ...[...folder.locations.values()].flatMap(checkSeparation)];
}

/** The class of a policy; the built-in `normal` for one that does not exist. */
export function classOf(policy: LoadedDocument<Policy>, folder: PolicyFolder): ClassSettings {
  return classSettings(policy.content.spec.importance ?? DEFAULT_CLASS, folder.project?.content);
}

/** The longest time between two starts of a backup or copy, jitter included. */
function gapOf(policy: LoadedDocument<Policy>, block: ScheduleBlock, folder: PolicyFolder): number {
  const every = classOf(policy, folder).backupEvery;
  const schedule = resolveSchedule(block, { every, timezone: projectTimezone(folder), actionId: '' });
  return longestGapSeconds(schedule) + schedule.jitterSeconds;
}

/** The most frequent backup must come round, jitter included, before the RPO has passed. */
function checkRecoveryPoint(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  const { backup = [], objectives, importance } = policy.content.spec;
  if (backup.length === 0) return [];
  const gaps = backup.map((block) => gapOf(policy, block, folder));
  const gap = Math.min(...gaps);
  const rpo =
    objectives?.rpo === undefined ? classOf(policy, folder).objectives.rpoSeconds : parseDuration(objectives.rpo);
  if (rpo > gap) return [];
  const block = backup[gaps.indexOf(gap)];
  const contradiction = findContradiction(policy, block!, folder.project);
  if (contradiction !== undefined) return [contradiction];
  const own: DocumentPath = ['spec', 'backup', gaps.indexOf(gap), block?.cron === undefined ? 'every' : 'cron'];
  const path = objectives?.rpo === undefined ? own : ['spec', 'objectives', 'rpo'];
  const from = objectives?.rpo === undefined ? ` of class "${importance ?? DEFAULT_CLASS}"` : '';
  const message = `the rpo of ${formatDuration(rpo)}${from} is not longer than the time from one backup to the next, ${formatDuration(gap)}`;
  const hint = `back up more often, or allow an rpo of more than ${formatDuration(gap)}`;
  return [problemAt(policy, path, { code: 'rpo-too-short', message, hint })];
}

/** Without a retention nothing says how long snapshots are to live on. */
function checkExpiry(policy: LoadedDocument<Policy>): Problem[] {
  const { backup = [], copy = [], retention, onDelete } = policy.content.spec;
  if (onDelete !== 'expire' || retention !== undefined) return [];
  const [first] = [...backup.filter((block) => block.retention === undefined), ...copy];
  if (first === undefined && backup.length > 0) return [];
  const where = first === undefined ? 'it makes no snapshots' : `nothing is ever forgotten of those in "${first.to}"`;
  const message = `snapshots cannot expire: ${where}`;
  const hint =
    first === undefined ? 'remove it' : 'add a retention:, by whose rules they age out, or write onDelete: keep';
  return [problemAt(policy, ['spec', 'onDelete'], { code: 'nothing-expires', message, hint })];
}

/** Where both come from a class of the Project, it is the class that must change, and not each policy that has it. */
function findContradiction(
  policy: LoadedDocument<Policy>,
  { every, cron, jitter }: ScheduleBlock,
  project: LoadedDocument<Project> | undefined,
): Problem | undefined {
  const { objectives, importance = DEFAULT_CLASS } = policy.content.spec;
  const own = project?.content.spec?.importance?.[importance];
  const isOfClass = [objectives?.rpo, every, cron, jitter].every((written) => written === undefined);
  if (project === undefined || own === undefined || !isOfClass) return undefined;
  const { backupEvery, objectives: reached } = classSettings(importance, project.content);
  const path = own.objectives?.rpo === undefined ? ['backup', 'every'] : ['objectives', 'rpo'];
  return problemAt(project, ['spec', 'importance', importance, ...path], {
    code: 'rpo-too-short',
    message: `the rpo of ${formatDuration(reached.rpoSeconds)} of class "${importance}" is not longer than the time from one of its backups to the next, ${backupEvery}`,
    hint: `give the class a shorter backup.every, or an objectives.rpo of more than ${backupEvery}`,
  });
}

function checkNeedsBackup(policy: LoadedDocument<Policy>): Problem[] {
  const { backup = [], copy = [], restoreTest, retention, hold, objectives } = policy.content.spec;
  if (backup.length > 0) return [];
  const problems: Problem[] = [];
  const tell = (severity: 'error' | 'warning', path: DocumentPath, message: string, hint: string): void =>
    void problems.push(problemAt(policy, path, { code: 'needs-backup', severity, part: 'key', message, hint }));
  if (restoreTest !== undefined)
    tell(
      'error',
      ['spec', 'restoreTest'],
      'a restore test without a backup has nothing to restore',
      'add backup:, or remove the test',
    );
  if (copy.length > 0)
    tell('error', ['spec', 'copy'], 'a copy without a backup has nothing to copy', 'add backup:, or remove the copy');
  const warnings: [string, unknown, DocumentPath][] = [
    ['retention', retention, ['spec', 'retention']],
    ['a hold', hold, ['spec', 'hold']],
    ['an rpo', objectives?.rpo, ['spec', 'objectives', 'rpo']],
  ];
  for (const [what, value, path] of warnings) {
    if (value !== undefined)
      tell('warning', path, `${what} has no effect without a backup`, 'add backup:, or remove it');
  }
  return problems;
}

interface WrittenRetention {
  block: Retention;
  path: DocumentPath;
  /** The repositories it rules. */
  repositories: string[];
}

function retentionsOf(policy: LoadedDocument<Policy>): WrittenRetention[] {
  const { backup = [], copy = [], retention } = policy.content.spec;
  const own = backup.flatMap(({ to, retention: block }, index): WrittenRetention[] =>
    block === undefined ? [] : [{ block, path: ['spec', 'backup', index, 'retention'], repositories: [to] }],
  );
  const rest = [...backup.filter((entry) => entry.retention === undefined), ...copy].map(({ to }) => to);
  return retention === undefined
    ? own
    : [{ block: retention, path: ['spec', 'retention'], repositories: rest }, ...own];
}

/** How long the snapshots of each repository live, with the place that says so. */
export function retentionSpans(
  policy: LoadedDocument<Policy>,
  folder: PolicyFolder,
): { repository: string; seconds: number; path: DocumentPath }[] {
  const settings = classOf(policy, folder);
  return retentionsOf(policy).flatMap(({ block, path, repositories }) =>
    repositories.map((repository) => {
      const { backup = [], copy = [] } = policy.content.spec;
      const writing = [...backup, ...copy].find(({ to }) => to === repository) ?? {};
      const keep = block.keep === undefined || block.keep === 'class' ? settings.keep : block.keep;
      return { repository, path, seconds: retentionSpanSeconds(keep, block.maxAge, gapOf(policy, writing, folder)) };
    }),
  );
}

function checkKeep(document: LoadedDocument, keep: Retention['keep'], path: DocumentPath): Problem[] {
  if (keep === undefined || keep === 'class' || !keepsNothing(keep)) return [];
  return [
    problemAt(document, path, {
      code: 'keeps-nothing',
      part: 'key',
      message: 'these rules keep no snapshot at all',
      hint: 'let one of them keep something, like last: 1',
    }),
  ];
}

/**
 * A share that each run exceeds is no guard against a mistake: nothing is ever forgotten. `screened`: what is known of
 * such schedules and rules, whatever their offsets, so that a thousand policies of a class are played once.
 */
function checkMaxForget(
  policy: LoadedDocument<Policy>,
  folder: PolicyFolder,
  screened: Map<string, boolean>,
): Problem[] {
  const { backup = [], hold } = policy.content.spec;
  if (hold !== undefined) return [];
  return retentionsOf(policy).flatMap(({ block, path, repositories }) => {
    const found = repositories
      .flatMap((repository) => backup.find(({ to }) => to === repository) ?? [])
      .map((written) => {
        const played = playedRetention(policy, written, block, folder);
        return isSuspect(played, screened) ? findRefusedRetention(played) : undefined;
      })
      .find((refused) => refused !== undefined);
    if (found === undefined) return [];
    const { going, snapshots, neededShare } = found;
    const { maxForget } = block;
    const limit = maxForget ?? `${DEFAULT_MAX_FORGET}, as none is written`;
    return [
      problemAt(policy, maxForget === undefined ? path : [...path, 'maxForget'], {
        code: 'never-forgets',
        severity: 'warning',
        part: maxForget === undefined ? 'key' : 'value',
        message: `nothing is forgotten: a run that would forget ${going} of ${snapshots} snapshots, more than maxForget (${limit}) allows, is refused, as is each one after it`,
        hint: `write maxForget: ${Math.ceil(neededShare * 100)}%, keep more, or run the retention more often`,
      }),
    ];
  });
}

/** Whether it is refused when its runs begin with their intervals. */
function isSuspect(played: PlayedRetention, screened: Map<string, boolean>): boolean {
  const aligned = ({ timing, ...rest }: Schedule): Schedule => ({
    ...rest,
    timing: timing.kind === 'interval' ? { ...timing, offsetSeconds: 0 } : timing,
  });
  const plain = { ...played, backup: aligned(played.backup), retention: aligned(played.retention) };
  const key = canonicalJson(plain);
  let suspect = screened.get(key);
  if (suspect === undefined) screened.set(key, (suspect = findRefusedRetention(plain) !== undefined));
  return suspect;
}

function playedRetention(
  policy: LoadedDocument<Policy>,
  backup: Backup,
  retention: Retention,
  folder: PolicyFolder,
): PlayedRetention {
  const own = classOf(policy, folder);
  const id = (kind: string): string => `policy/${policy.name}/${kind}/${backup.to}`;
  const schedule = (block: ScheduleBlock, every: string, kind: string): Schedule =>
    resolveSchedule(block, { every, timezone: projectTimezone(folder), actionId: id(kind) });
  return {
    backup: schedule(backup, own.backupEvery, 'backup'),
    tags: backup.tags ?? [],
    retention: schedule(retention, RETENTION_EVERY, 'retention'),
    rules: resolveRetentionRules(retention, own),
  };
}

function checkClasses(project: LoadedDocument<Project> | undefined): Problem[] {
  return Object.entries(project?.content.spec?.importance ?? {}).flatMap(([name, { retention }]) =>
    checkKeep(project!, retention?.keep, ['spec', 'importance', name, 'retention', 'keep']),
  );
}

/** A lock that outlives the retention keeps what must go: nothing that retention forgets could ever be deleted in time. */
function checkLocks(policy: LoadedDocument<Policy>, folder: PolicyFolder): Problem[] {
  return retentionSpans(policy, folder).flatMap(({ repository, seconds, path }) => {
    const location = folder.repositories.get(repository)?.content.spec.location ?? '';
    const lock = folder.locations.get(location)?.content.spec.immutability?.for;
    if (lock === undefined || parseDuration(lock) <= seconds) return [];
    const message = `"${location}" locks what is written for ${lock}, longer than the ${formatDuration(seconds)} that this retention keeps it`;
    return [
      problemAt(policy, path, {
        code: 'lock-outlives-retention',
        part: 'key',
        message,
        hint: 'keep longer, or lock for less',
      }),
    ];
  });
}

/** Who writes backups must not be able to delete them, or ransomware on the source could. */
function checkSeparation(location: LoadedDocument<Location>): Problem[] {
  const { access, identities } = location.content.spec;
  const admins = access?.admins ?? [];
  const hint = 'let another account administer: whoever takes over the writer must not be able to delete';
  const tell = (name: string, path: DocumentPath): Problem =>
    problemAt(location, path, { code: 'writer-is-admin', message: `the writer "${name}" is an admin too`, hint });
  const writers = (access?.writers ?? []).flatMap((name, index) =>
    admins.includes(name) ? [tell(name, ['spec', 'access', 'writers', index])] : [],
  );
  const user = identities?.writer?.user;
  if (user !== undefined && admins.includes(user))
    return [...writers, tell(user, ['spec', 'identities', 'writer', 'user'])];
  if (!isSameIdentity(identities?.writer, identities?.maintainer)) return writers;
  const maintainer = ['spec', 'identities', 'maintainer'];
  if (user !== undefined) return [...writers, tell(user, [...maintainer, 'user'])];
  const key = identities?.maintainer?.credentialsFrom === undefined ? [] : ['credentialsFrom'];
  const shared = problemAt(location, [...maintainer, ...key], {
    code: 'writer-is-admin',
    message: 'the maintainer logs in as the writer does, so that the writer can delete',
    hint,
  });
  return [...writers, shared];
}

/** Whether both log in as one account in one way. One account may know two keys, one of which may only add (the options of authorized_keys). */
function isSameIdentity(a: Identity | undefined, b: Identity | undefined): boolean {
  if (a === undefined || b === undefined || a.user !== b.user) return false;
  const way = ({ privateKeyFrom, passwordFrom, agent, credentialsFrom }: Identity): string =>
    canonicalJson([privateKeyFrom ?? null, passwordFrom ?? null, agent ?? false, credentialsFrom ?? null]);
  return way(a) === way(b);
}
