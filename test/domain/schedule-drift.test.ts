import { expect, test } from 'vitest';
import type { PauseSpan } from '../../domain/pauses.ts';
import type { Plan, PlannedAction, ScheduleState } from '../../domain/plan.ts';
import { findScheduleDrift, type ScheduleDriftInput } from '../../domain/schedule-drift.ts';

const [BACKUP, SYNC, AUDIT] = ['policy/orders/backup/main', 'policy/orders/sync/mirror', 'project/audit'];
const COMMIT = { hash: 'c'.repeat(40), dirty: false };
const PAUSE: PauseSpan = { since: '2026-11-23T00:00:00Z', by: 'alice@app-01', reason: 'moving the disk' };
const RUNNING: ScheduleState = { digest: 'd' };
const ALL: [string, ScheduleState][] = [BACKUP, SYNC, AUDIT].map((id) => [id!, RUNNING]);

function plan(...actions: PlannedAction[]): Plan {
  const counts = { create: 0, change: 0, pause: 0, delete: 0, unchanged: 0 };
  for (const { step } of actions) counts[step]++;
  return { commit: COMMIT, inForce: { id: 'a', commit: COMMIT }, actions, counts, weaker: [] };
}

function codes(changes: Partial<ScheduleDriftInput>): string[] {
  const input: ScheduleDriftInput = {
    plan: plan(),
    schedules: new Map(ALL),
    altered: new Map(),
    foreign: [],
    pauses: new Map(),
    inForce: [BACKUP!, SYNC!, AUDIT!],
    isOwnNamespace: true,
    ...changes,
  };
  return findScheduleDrift(input).map(
    ({ code, severity, message, hint }) => `${severity} ${code}: ${message}${hint === undefined ? '' : ` → ${hint}`}`,
  );
}

const paused = (note: string): Map<string, ScheduleState> =>
  new Map([...ALL, [BACKUP!, { ...RUNNING, pausedByOperator: note }], [SYNC!, { ...RUNNING, pausedByOperator: note }]]);

const CASES: [title: string, changes: Partial<ScheduleDriftInput>, expected: string[]][] = [
  ['nothing differs', {}, []],
  [
    'nothing was ever applied',
    { plan: { ...plan(), inForce: undefined as never } },
    ['warning drift/not-applied: no policy was ever applied: nothing is in force → Apply them with: holdfast apply'],
  ],
  [
    'files differ from what is in force',
    {
      plan: plan(
        { id: BACKUP!, step: 'change', changes: [] },
        { id: SYNC!, step: 'delete', changes: [] },
        { id: AUDIT!, step: 'unchanged', changes: [] },
      ),
    },
    [
      'warning drift/not-applied: policy orders differs from what is in force: 1 changed, 1 removed → See what would change with: holdfast plan',
    ],
  ],
  [
    'only the commit differs',
    { plan: { ...plan(), commit: { hash: 'd'.repeat(40), dirty: false } } },
    [
      'notice drift/other-commit: nothing would change, but what is in force names another commit (cccccccccccc) than the files have (dddddddddddd)',
    ],
  ],
  [
    'schedules are missing',
    { schedules: new Map([ALL[2]!]) },
    [
      'warning drift/schedule-missing: the engine has no schedule of policy orders (backup/main, sync/mirror), which is in force → Put it back with: holdfast apply',
    ],
  ],
  [
    'the times of a schedule were changed',
    { altered: new Map([[BACKUP!, ['its times']]]) },
    [
      'warning drift/schedule-changed: the schedule of policy/orders/backup/main was changed in the engine, outside of holdfast: its times → Put it back with: holdfast apply',
    ],
  ],
  [
    'what its runs do was changed',
    { altered: new Map([[BACKUP!, ['its times', 'what its runs do']]]) },
    [
      'warning drift/schedule-changed: the schedule of policy/orders/backup/main was changed in the engine, outside of holdfast: its times, what its runs do → Put it back with: holdfast apply --refresh',
    ],
  ],
  [
    'a schedule was changed so that it is not known as ours',
    { schedules: new Map(ALL.slice(1)), altered: new Map([[BACKUP!, ['its search attributes']]]) },
    [
      'warning drift/schedule-changed: the schedule of policy/orders/backup/main was changed in the engine, outside of holdfast: its search attributes → Put it back with: holdfast apply',
    ],
  ],
  [
    'an apply was interrupted',
    { plan: plan({ id: SYNC!, step: 'change', changes: [], fault: 'outdated' }) },
    [
      'warning drift/schedule-outdated: not what was last applied: the schedule of policy/orders/sync/mirror → An apply was interrupted; finish it with: holdfast apply',
    ],
  ],
  [
    'a schedule of ours that nothing asks for',
    { schedules: new Map([...ALL, ['policy/old/backup/main', RUNNING]]) },
    [
      'warning drift/schedule-surplus: the engine has a schedule of policy/old/backup/main, which no policy in force asks for → Remove it with: holdfast apply',
    ],
  ],
  [
    'a pause that is recorded',
    {
      schedules: paused('paused by alice@app-01 …'),
      pauses: new Map([
        [BACKUP!, PAUSE],
        [SYNC!, PAUSE],
      ]),
    },
    [
      'warning drift/paused: policy orders (backup/main, sync/mirror) is paused by alice@app-01 since 2026-11-23T00:00:00Z: moving the disk → Let it go on with: holdfast resume orders',
    ],
  ],
  [
    'a pause that nobody recorded',
    { schedules: paused('by hand') },
    [
      'warning drift/paused-unrecorded: policy orders (backup/main, sync/mirror) is paused in the engine, outside of holdfast, with the note "by hand": what does not run counts as missed → Let it go on with: holdfast resume orders; or record it with: holdfast pause',
    ],
  ],
  [
    'a pause that was ended outside of holdfast',
    { pauses: new Map([[BACKUP!, PAUSE]]) },
    [
      'warning drift/resumed-unrecorded: policy/orders/backup/main is going on, although it was paused by alice@app-01 since 2026-11-23T00:00:00Z: moving the disk → Record it with: holdfast resume orders',
    ],
  ],
  [
    'schedules of others in a namespace of our own',
    { foreign: ['nightly'] },
    [
      "warning drift/schedule-foreign: the schedule nightly in the namespace is none of holdfast's → Find out who made it, and delete it in Temporal if nobody needs it.",
    ],
  ],
  [
    'schedules of others in a namespace that is shared',
    { foreign: ['nightly', 'policy/x/backup/y'], isOwnNamespace: false },
    [
      "notice drift/schedule-foreign: the schedule nightly in the namespace is none of holdfast's",
      "warning drift/schedule-foreign: the schedule policy/x/backup/y in the namespace is none of holdfast's",
    ],
  ],
];

for (const [title, changes, expected] of CASES) test(title, () => expect(codes(changes)).toEqual(expected));
