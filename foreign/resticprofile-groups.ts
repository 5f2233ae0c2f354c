/** resticprofile's groups of profiles, and its schedules of several: what a group says of when its profiles run. */
import type { Section } from './section.ts';
import { isSourceMap, type SourceNode } from './source-node.ts';

export const HOOKS_MESSAGE =
  'a shell command is not copied: write it as a script and name it in hooks:, which is not built yet';
export const HOOKS = [
  'run-before',
  'run-after',
  'run-after-fail',
  'run-finally',
  'send-before',
  'send-after',
  'send-after-fail',
  'send-finally',
  'stream-error',
];

/** Schedules of groups (format 2), by profile and command. */
export function groupSchedules(
  top: Section,
  version: 1 | 2,
  known: ReadonlySet<string>,
): Map<string, Map<string, SourceNode[]>> {
  const found = new Map<string, Map<string, SourceNode[]>>();
  const add = (profiles: string[], command: string, node: SourceNode | undefined): void => {
    if (node === undefined) return;
    for (const profile of profiles) {
      const commands = found.get(profile) ?? new Map<string, SourceNode[]>();
      commands.set(command, [...(commands.get(command) ?? []), node]);
      found.set(profile, commands);
    }
  };
  const all = top.section('groups');
  if (version === 1) {
    for (const name of all.node.value.keys()) tellGroup(all, name, all.texts(name), known);
    return found;
  }
  const groups = new Map<string, string[]>();
  for (const [name, group] of all.sections()) {
    const profiles = group.texts('profiles');
    groups.set(name, profiles);
    tellGroup(all, name, profiles, known);
    group.skip(['description', 'continue-on-error'], 'policies run each by itself');
    const schedules = group.section('schedules');
    for (const command of schedules.node.value.keys()) {
      const node = schedules.take(command)!;
      if (!isSourceMap(node)) {
        add(profiles, command, node);
        continue;
      }
      const schedule = schedules.section(command);
      add(profiles, command, schedule.take('at') ?? schedule.take('schedule'));
      schedule.drop(HOOKS, HOOKS_MESSAGE);
      schedule.skip([...schedule.node.value.keys()], 'how a run is started does not change what is protected');
    }
    group.drop(HOOKS, HOOKS_MESSAGE);
  }
  for (const [, schedule] of top.section('schedules').sections()) {
    const group = schedule.text('group');
    add(
      [...schedule.texts('profiles'), ...(group === undefined ? [] : (groups.get(group) ?? []))],
      schedule.text('run') ?? 'backup',
      schedule.take('schedule'),
    );
    schedule.skip(
      ['permission', 'log', 'priority', 'lock-mode', 'lock-wait'],
      'how a run is started does not change what is protected',
    );
  }
  return found;
}

function tellGroup(groups: Section, name: string, profiles: readonly string[], known: ReadonlySet<string>): void {
  const { notes } = groups;
  const at = groups.node.value.get(name)!;
  const key = groups.keyOf(name);
  notes.add(
    'dropped',
    at,
    key,
    'a group runs its profiles one after the other, perhaps by a timer that does not stand here: each policy has its own schedule (every:, at: or cron:)',
  );
  const unknown = profiles.filter((profile) => !known.has(profile));
  if (unknown.length > 0)
    notes.add('dropped', at, key, `no profile here is named ${unknown.join(', ')}: give its file to the same import`);
}
