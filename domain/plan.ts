/** What an apply would do: desired actions against those in force and against the engine's schedules. */
import type { Action, ActionKind, PolicyCommit } from './action.ts';
import { describeTiming } from './action-fields.ts';
import { compareActions, type FieldChange } from './compare-actions.ts';
import type { ApplyRecord } from './apply-record.ts';
import type { PlannedLoss } from './planned-loss.ts';
import { renamedActions } from './renamed-actions.ts';
import { findWeakenings, type Weakening } from './weakening.ts';

/** `pause`: it is suspended from now on. What is only `unchanged` is named by its commit anew when that is another one. */
export type PlanStep = 'create' | 'change' | 'pause' | 'delete' | 'unchanged';

/**
 * What is wrong with a schedule although its action is as it was: it is `missing`, it is not what the last apply asked
 * for (`outdated`: an apply was interrupted), somebody has changed its times since (`altered`), or no policy asks for it
 * (`surplus`).
 */
export type ScheduleFault = 'missing' | 'outdated' | 'altered' | 'surplus';

export interface PlannedAction {
  id: string;
  step: PlanStep;
  kind?: ActionKind;
  policy?: string;
  /** The id that it had before its policy was renamed: its schedule is replaced, and its snapshots stay its own. */
  formerly?: string;
  /** When it runs, of one that is created. */
  schedule?: string;
  /** Why it does not run, of one that is suspended. */
  suspended?: string;
  changes: FieldChange[];
  fault?: ScheduleFault;
  /** An operator has paused its schedule, with this note: it stays so. */
  pausedByOperator?: string;
}

export interface Plan {
  commit: PolicyCommit;
  /** Of the apply in force; absent: nothing was ever applied. */
  inForce?: { id: string; commit: PolicyCommit };
  /** Those wanted, in their order, then those that go. */
  actions: PlannedAction[];
  counts: Record<PlanStep, number>;
  /** What is protected less than before: nothing of it happens unless somebody allows it. */
  weaker: Weakening[];
  /** What first runs would take away; absent: nobody looked. */
  losses?: PlannedLoss[];
}

/** A schedule of holdfast's as the engine has it. */
export interface ScheduleState {
  /** What was last applied to it, see `engine/read-schedules.ts`. */
  digest: string | undefined;
  /** When it starts something, see there. */
  timing?: string;
  /** Why an operator paused it; absent: none did. */
  pausedByOperator?: string;
}

export interface PlanInput {
  actions: readonly Action[];
  commit: PolicyCommit;
  /** The latest apply record; absent: nothing was ever applied. */
  record?: ApplyRecord | undefined;
  /** By action id; absent: no engine was there to ask. */
  schedules: ReadonlyMap<string, ScheduleState>;
  /** The digest that the schedule of an action has as the record in force asks for it. */
  recordedDigest(action: Action): string;
  /** And its times; absent: not compared. */
  recordedTiming?: (action: Action) => string;
  now: Date;
}

export function makePlan(input: PlanInput): Plan {
  const { actions, commit, record, schedules } = input;
  const recorded = record?.actions ?? [];
  const before = new Map(recorded.map((action) => [action.id, action]));
  const renamed = renamedActions(recorded, actions);
  const planned = actions.map((action) => {
    const formerly = renamed.get(action.id);
    return formerly === undefined
      ? planAction(action, before.get(action.id), input)
      : planRename(action, before.get(formerly)!);
  });
  const known = new Set([...actions.map(({ id }) => id), ...renamed.values()]);
  for (const action of recorded) if (!known.has(action.id)) planned.push(planRemoval(action));
  for (const id of schedules.keys())
    if (!known.has(id) && !before.has(id)) planned.push({ id, step: 'delete', changes: [], fault: 'surplus' });
  const counts: Plan['counts'] = { create: 0, change: 0, pause: 0, delete: 0, unchanged: 0 };
  for (const { step } of planned) counts[step]++;
  return {
    commit,
    ...(record === undefined ? {} : { inForce: { id: record.id, commit: record.commit } }),
    actions: planned,
    counts,
    weaker: record === undefined ? ofUnknown(schedules.size) : findWeakenings(recorded, actions, input.now),
  };
}

/** Schedules without a record are those of another policy folder, or of this one whose evidence is gone or elsewhere. */
function ofUnknown(schedules: number): Weakening[] {
  if (schedules === 0) return [];
  const what = `the engine has schedules (${schedules}) of which the evidence knows no apply: what they protect cannot be compared, and those that these policies do not ask for would be deleted`;
  return [{ subject: 'project', what }];
}

/** Whether an apply would change anything but the name of the commit. */
export function hasChanges({ counts }: Plan): boolean {
  return counts.create + counts.change + counts.pause + counts.delete > 0;
}

/** Whether what is in force names another commit, or the same with or without files that are not in it. */
export function namesAnotherCommit({ inForce, commit }: Plan): boolean {
  return inForce !== undefined && (inForce.commit.hash !== commit.hash || inForce.commit.dirty !== commit.dirty);
}

function planAction(
  action: Action,
  before: Action | undefined,
  { schedules, recordedDigest, recordedTiming }: PlanInput,
): PlannedAction {
  const schedule = schedules.get(action.id);
  const common = {
    ...nameOf(action),
    ...(action.suspended === undefined ? {} : { suspended: action.suspended.reason }),
    ...(schedule?.pausedByOperator === undefined ? {} : { pausedByOperator: schedule.pausedByOperator }),
  };
  if (before === undefined)
    return { ...common, step: 'create', schedule: describeTiming(action.schedule), changes: [] };
  const changes = before.digest === action.digest ? [] : compareActions(before, action);
  if (before.digest !== action.digest)
    return { ...common, step: isPaused(before, action) ? 'pause' : 'change', changes };
  if (schedule === undefined)
    return { ...common, step: 'create', schedule: describeTiming(action.schedule), changes, fault: 'missing' };
  const isOutdated = schedule.digest !== recordedDigest(before);
  const isAltered = schedule.timing !== undefined && schedule.timing !== (recordedTiming?.(before) ?? schedule.timing);
  const fault = isOutdated ? 'outdated' : isAltered ? 'altered' : undefined;
  return { ...common, step: fault === undefined ? 'unchanged' : 'change', changes, ...(fault && { fault }) };
}

function planRename(action: Action, before: Action): PlannedAction {
  return { ...nameOf(action), formerly: before.id, step: 'change', changes: compareActions(before, action) };
}

function planRemoval(action: Action): PlannedAction {
  return { ...nameOf(action), step: 'delete', changes: [] };
}

function nameOf({ id, kind, policy }: Action): Pick<PlannedAction, 'id' | 'kind' | 'policy'> {
  return { id, kind, ...(policy === undefined ? {} : { policy }) };
}

function isPaused(before: Action, after: Action): boolean {
  return before.suspended === undefined && after.suspended !== undefined;
}
