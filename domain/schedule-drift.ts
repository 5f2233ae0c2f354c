/** Drift between policies and the engine's schedules: what is not as it was applied, and what is not applied yet. */
import { subjectOfAction } from './action-names.ts';
import type { Finding } from './finding.ts';
import { describePause, type PauseSpan } from './pauses.ts';
import { hasChanges, namesAnotherCommit, type Plan, type PlannedAction, type ScheduleState } from './plan.ts';

/** The schedules of a namespace, as they really are. */
export interface InspectedSchedules {
  /** Holdfast's own, by id. */
  schedules: ReadonlyMap<string, ScheduleState>;
  /** What was changed, outside of holdfast, of those in force: by id, what in words. */
  altered: ReadonlyMap<string, readonly string[]>;
  /** The ids of schedules that are none of holdfast's. */
  foreign: readonly string[];
}

export interface ScheduleDriftInput extends InspectedSchedules {
  /** Of the policies as they are now. */
  plan: Plan;
  /** Operators' pauses as recorded, by action id. */
  pauses: ReadonlyMap<string, PauseSpan>;
  /** The ids of the actions in force. */
  inForce: readonly string[];
  /** The namespace is holdfast's alone: others have no business there. */
  isOwnNamespace: boolean;
  /** Why nobody could look at the engine: then its schedules are taken for what they should be. Absent: they were looked at. */
  unseen?: { message: string; hint?: string };
}

const APPLY = 'Put it back with: holdfast apply';

/** By subject where several actions share a reason. */
export function findScheduleDrift(input: ScheduleDriftInput): Finding[] {
  const { plan, unseen } = input;
  const findings = unseen === undefined ? [] : [notSeen(unseen)];
  if (plan.inForce === undefined)
    return [
      ...findings,
      warning(
        'drift/not-applied',
        'the policies',
        'no policy was ever applied: nothing is in force',
        'Apply them with: holdfast apply',
      ),
    ];
  findings.push(...notApplied(plan));
  if (unseen !== undefined) return findings;
  return [...findings, ...faultySchedules(input), ...pausedSchedules(input), ...foreignSchedules(input)];
}

function notSeen({ message, hint }: NonNullable<ScheduleDriftInput['unseen']>): Finding {
  return {
    code: 'drift/engine-unreachable',
    severity: 'warning',
    subject: 'the engine',
    message: `what the engine has was not compared: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

function notApplied(plan: Plan): Finding[] {
  const waiting = plan.actions.filter(({ step, fault }) => step !== 'unchanged' && fault === undefined);
  const findings = [...Map.groupBy(waiting, ({ id }) => subjectOfAction(id))].map(([subject, actions]) =>
    warning(
      'drift/not-applied',
      subject,
      `${subject} differs from what is in force: ${countSteps(actions)}`,
      'See what would change with: holdfast plan',
    ),
  );
  if (!hasChanges(plan) && namesAnotherCommit(plan))
    findings.push({
      code: 'drift/other-commit',
      severity: 'notice',
      subject: 'the policies',
      message: `nothing would change, but what is in force names another commit (${nameOf(plan.inForce!.commit)}) than the files have (${nameOf(plan.commit)})`,
    });
  return findings;
}

function nameOf({ hash, dirty }: Plan['commit']): string {
  return hash === undefined ? 'none' : `${hash.slice(0, 12)}${dirty ? ' with uncommitted changes' : ''}`;
}

const STEPS = { create: 'new', change: 'changed', pause: 'suspended', delete: 'removed', unchanged: 'unchanged' };

function countSteps(actions: readonly PlannedAction[]): string {
  return [...Map.groupBy(actions, ({ step }) => step)].map(([step, own]) => `${own.length} ${STEPS[step]}`).join(', ');
}

function faultySchedules({ inForce, schedules, altered, plan }: ScheduleDriftInput): Finding[] {
  const outdated = plan.actions.filter(({ fault }) => fault === 'outdated').map(({ id }) => id);
  const missing = inForce.filter((id) => !schedules.has(id) && !altered.has(id));
  const surplus = [...schedules.keys()].filter((id) => !inForce.includes(id));
  const changed = [...altered].map(([id, what]) =>
    warning(
      'drift/schedule-changed',
      id,
      `the schedule of ${id} was changed in the engine, outside of holdfast: ${what.join(', ')}`,
      // A listing shows the times alone, so that only they are put back unasked.
      what.every((part) => part.startsWith('its times') || part === 'its search attributes')
        ? APPLY
        : 'Put it back with: holdfast apply --refresh',
    ),
  );
  return [
    ...grouped(
      'drift/schedule-missing',
      missing,
      (names) => `the engine has no schedule of ${names}, which is in force`,
      APPLY,
    ),
    ...changed,
    ...grouped(
      'drift/schedule-outdated',
      outdated,
      (names) => `not what was last applied: the schedule of ${names}`,
      'An apply was interrupted; finish it with: holdfast apply',
    ),
    ...grouped(
      'drift/schedule-surplus',
      surplus,
      (names) => `the engine has a schedule of ${names}, which no policy in force asks for`,
      'Remove it with: holdfast apply',
    ),
  ];
}

/** One finding for all schedules of a policy or repository. */
function grouped(code: string, ids: readonly string[], say: (names: string) => string, hint: string): Finding[] {
  return [...Map.groupBy(ids, subjectOfAction)].map(([subject, own]) => {
    const names = own.length === 1 ? own[0]! : `${subject} (${own.map(endOf).join(', ')})`;
    return warning(code, own.length === 1 ? own[0]! : subject, say(names), hint);
  });
}

function endOf(id: string): string {
  return id
    .split('/')
    .slice(id.startsWith('project/') ? 1 : 2)
    .join('/');
}

function pausedSchedules({ schedules, pauses, inForce }: ScheduleDriftInput): Finding[] {
  const found = inForce.flatMap((id): { id: string; code: string; what: string; hint: string }[] => {
    const schedule = schedules.get(id);
    if (schedule === undefined) return [];
    const recorded = pauses.get(id);
    const { pausedByOperator: note } = schedule;
    const resume = `Let it go on with: holdfast resume ${id.split('/')[1]}`;
    if (note !== undefined && recorded !== undefined)
      return [{ id, code: 'drift/paused', what: describePause(recorded), hint: resume }];
    if (note !== undefined) {
      const why = note === '' ? 'without a note' : `with the note "${note}"`;
      const what = `paused in the engine, outside of holdfast, ${why}: what does not run counts as missed`;
      return [{ id, code: 'drift/paused-unrecorded', what, hint: `${resume}; or record it with: holdfast pause` }];
    }
    if (recorded === undefined) return [];
    const what = `going on, although it was ${describePause(recorded)}`;
    return [
      { id, code: 'drift/resumed-unrecorded', what, hint: `Record it with: holdfast resume ${id.split('/')[1]}` },
    ];
  });
  const groups = Map.groupBy(found, ({ id, code, what }) => `${subjectOfAction(id)} ${code} ${what}`);
  return [...groups.values()].map((own) => {
    const { id, code, what, hint } = own[0]!;
    const subject = own.length === 1 ? id : subjectOfAction(id);
    const names = own.length === 1 ? id : `${subject} (${own.map((each) => endOf(each.id)).join(', ')})`;
    return warning(code, subject, `${names} is ${what}`, hint);
  });
}

/** In a namespace that others use, only what looks like holdfast's own is suspicious. */
function foreignSchedules({ foreign, isOwnNamespace }: ScheduleDriftInput): Finding[] {
  return foreign.map((id) => ({
    code: 'drift/schedule-foreign',
    severity: isOwnNamespace || /^(?:policy|repository|project|holdfast)\//.test(id) ? 'warning' : 'notice',
    subject: id,
    message: `the schedule ${id} in the namespace is none of holdfast's`,
    ...(isOwnNamespace ? { hint: 'Find out who made it, and delete it in Temporal if nobody needs it.' } : {}),
  }));
}

function warning(code: string, subject: string, message: string, hint: string): Finding {
  return { code, severity: 'warning', subject, message, hint };
}
