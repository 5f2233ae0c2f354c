/** A plan, for people: by policy, each action with what changes in it. */
import type { FieldChange } from '../domain/compare-actions.ts';
import { nameOfAction, subjectOfAction } from '../domain/action-names.ts';
import type { PlannedLoss } from '../domain/planned-loss.ts';
import { hasChanges, namesAnotherCommit, type Plan, type PlannedAction, type ScheduleFault } from '../domain/plan.ts';
import type { Output, Style } from './command.ts';
import { count, displayMessage, displayText } from './display.ts';
import { describeCommit } from './tell-applied.ts';

const FAULTS: Readonly<Record<ScheduleFault, string>> = {
  missing: 'its schedule is missing',
  outdated: 'its schedule is not what was last applied',
  altered: 'its times were changed in the engine, outside of holdfast',
  surplus: 'a schedule that no policy asks for',
};

export function tellPlan(output: Output, plan: Plan): void {
  const { style } = output;
  const shown = plan.actions.filter(
    ({ step, pausedByOperator }) => step !== 'unchanged' || pausedByOperator !== undefined,
  );
  for (const [subject, actions] of Map.groupBy(shown, ({ id }) => subjectOfAction(id))) {
    output.line(style.bold(displayText(subject)));
    const shared = sharedChanges(actions, style);
    for (const [line, times] of shared) output.line(`  ${line}  ${style.dim(`(${count(times, 'action')})`)}`);
    for (const action of actions) for (const line of actionLines(action, shared, style)) output.line(`  ${line}`);
  }
  for (const line of lossLines(plan, style)) output.line(line);
  for (const line of weakerLines(plan, style)) output.line(line);
  for (const line of summaryLines(plan)) output.line(line);
}

function lossLines({ losses = [] }: Plan, style: Style): string[] {
  if (losses.length === 0) return [];
  const lines = losses.flatMap((loss) => [
    `  ${loss.lost === undefined ? style.warning('?') : style.bad('!')} ${describeLoss(loss)}`,
    ...loss.names.map((name) => `      ${displayMessage(name)}`),
    ...(loss.names.length > 0 && loss.lost! > loss.names.length
      ? [style.dim(`      … and ${loss.lost! - loss.names.length} more`)]
      : []),
  ]);
  return [style.bold('would be lost by the next run'), ...lines];
}

function describeLoss({ actionId, what, lost, of, keptSoFar, keptAside, because }: PlannedLoss): string {
  const kind = what === 'files' ? 'sync' : 'retention';
  const where = displayText(`${subjectOfAction(actionId)}, ${nameOfAction({ id: actionId, kind })}`);
  if (lost === undefined) return `${where}: not known, ${displayMessage(because!)}`;
  const amount = of === undefined ? count(lost, what.slice(0, -1)) : `${lost} of ${count(of, what.slice(0, -1))}`;
  const remarks = [
    ...(keptSoFar === undefined ? [] : [describeKept(keptSoFar)]),
    ...(keptAside === undefined ? [] : [`kept aside for ${keptAside}`]),
    ...(because === undefined ? [] : [displayMessage(because)]),
  ];
  return [`${where}: ${amount}`, ...remarks].join('; ');
}

function describeKept(keptSoFar: number): string {
  return keptSoFar === 0 ? 'the rules in force forget them, too' : `${keptSoFar} of them kept by the rules in force`;
}

function weakerLines({ weaker }: Plan, style: Style): string[] {
  if (weaker.length === 0) return [];
  const lines = weaker.map(({ subject, what }) => `  ${style.bad('!')} ${displayText(subject)}: ${displayText(what)}`);
  return [`${style.bold('protects less than what is in force')} (apply does it only with --allow-weaker)`, ...lines];
}

/** What changes alike in several actions, with their number: an importance, where a password is found. */
function sharedChanges(actions: readonly PlannedAction[], style: Style): Map<string, number> {
  const lines = actions.flatMap(({ changes }) => changes.map((change) => changeLine(change, style)));
  const times = Map.groupBy(lines, (line) => line);
  return new Map([...times].filter(([, same]) => same.length > 1).map(([line, same]) => [line, same.length]));
}

function actionLines(planned: PlannedAction, shared: ReadonlyMap<string, number>, style: Style): string[] {
  const { id, formerly, step, changes, fault, schedule, suspended, pausedByOperator } = planned;
  const name = displayText(
    id
      .split('/')
      .slice(id.startsWith('project/') ? 1 : 2)
      .join('/'),
  );
  const remarks = [
    ...(formerly === undefined ? [] : [`renamed from ${displayText(formerly)}`]),
    ...(fault === undefined ? [] : [FAULTS[fault]]),
    ...(step === 'create' && schedule !== undefined ? [schedule] : []),
    ...(suspended !== undefined && (step === 'create' || step === 'pause')
      ? [`suspended: ${displayText(suspended)}`]
      : []),
    ...(step === 'delete' && fault === undefined ? ['does not run any more'] : []),
    ...(pausedByOperator === undefined ? [] : [staysPaused(pausedByOperator)]),
  ];
  const head = `${mark(step, style)} ${name}`;
  return [
    remarks.length === 0 ? head : `${head}  ${style.dim(remarks.join('; '))}`,
    ...changes.map((change) => changeLine(change, style)).flatMap((line) => (shared.has(line) ? [] : [`    ${line}`])),
  ];
}

/** The note of a pause by `holdfast pause` says by whom. */
function staysPaused(note: string): string {
  return note.startsWith('paused by ')
    ? `stays ${displayText(note)}`
    : `stays paused by an operator (${displayText(note)})`;
}

function mark(step: PlannedAction['step'], style: Style): string {
  switch (step) {
    case 'create':
      return style.good('+');
    case 'change':
      return style.warning('~');
    case 'pause':
      return style.warning('‖');
    case 'delete':
      return style.bad('-');
    case 'unchanged':
      return style.dim('=');
  }
}

/** `keep.daily: 7 → 14`, `exclude: + *.tmp, - *.bak`. */
function changeLine({ field, before, after, added, removed }: FieldChange, style: Style): string {
  if (added === undefined && removed === undefined)
    return `${field}: ${before === undefined ? style.dim('none') : displayText(before)} → ${after === undefined ? style.dim('none') : displayText(after)}`;
  const entries = [
    ...(added ?? []).map((text) => style.good(`+ ${displayText(text)}`)),
    ...(removed ?? []).map((text) => style.bad(`- ${displayText(text)}`)),
  ];
  return `${field}: ${entries.join(', ')}`;
}

function summaryLines(plan: Plan): string[] {
  const { create, change, pause, delete: gone, unchanged } = plan.counts;
  const commit = describeCommit(plan.commit);
  if (!hasChanges(plan)) {
    const inForce = `${count(unchanged, 'action')} in force`;
    if (!namesAnotherCommit(plan)) return [`nothing has changed: ${inForce} of ${commit}`];
    return [`nothing changes: ${inForce}, whose runs would name ${commit}`];
  }
  const parts = [
    ...(create > 0 ? [`${create} to create`] : []),
    ...(change > 0 ? [`${change} to change`] : []),
    ...(pause > 0 ? [`${pause} to pause`] : []),
    ...(gone > 0 ? [`${gone} to delete`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ];
  return [`${commit}: ${parts.join(', ')}`];
}
