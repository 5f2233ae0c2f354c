import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Action } from '../../domain/action.ts';
import type { ApplyRecord } from '../../domain/apply-record.ts';
import { compareActions } from '../../domain/compare-actions.ts';
import { hasChanges, makePlan, namesAnotherCommit, type PlanInput, type ScheduleState } from '../../domain/plan.ts';
import { checkFiles } from '../schemas/check-files.ts';
import { compiled } from './rich-policies.ts';

const NOW = new Date('2026-11-30T00:00:00Z');
const COMMIT = { hash: 'a'.repeat(40), dirty: false };

function recordOf(actions: Action[], commit = COMMIT): ApplyRecord {
  const changes = { created: [], changed: [], removed: [], unchanged: actions.length };
  const times = { appliedAt: '2026-11-23T01:47:30Z', appliedBy: 'alice@app-01' };
  return {
    format: 'holdfast-apply/1',
    id: '20261123T014730Z-1f2e3d4c',
    commit,
    ...times,
    digest: '',
    actions,
    changes,
  };
}

/** In force as recorded: each schedule carries what `recordedDigest` asks of it. */
function inForce(actions: Action[], commit = COMMIT): Omit<PlanInput, 'actions' | 'commit'> {
  const schedules = new Map<string, ScheduleState>(actions.map(({ id, digest }) => [id, { digest: `of ${digest}` }]));
  return { record: recordOf(actions, commit), schedules, recordedDigest: ({ digest }) => `of ${digest}`, now: NOW };
}

const NOTHING = { schedules: new Map(), recordedDigest: () => '', now: NOW };

describe('an action that is wanted', () => {
  test('is created when no record has it, unchanged when the record and the engine have it', async () => {
    const actions = await compiled();
    const first = makePlan({ actions, commit: COMMIT, ...NOTHING });
    expect(first.counts).toEqual({ create: actions.length, change: 0, pause: 0, delete: 0, unchanged: 0 });
    const again = makePlan({ actions, commit: COMMIT, ...inForce(actions) });
    expect(again.counts).toEqual({ create: 0, change: 0, pause: 0, delete: 0, unchanged: actions.length });
    expect([hasChanges(first), hasChanges(again), namesAnotherCommit(again)]).toEqual([true, false, false]);
  });

  test('is unchanged in a commit that changes nothing in it, and will name that commit', async () => {
    const actions = await compiled();
    const plan = makePlan({ actions, commit: { hash: 'b'.repeat(40), dirty: false }, ...inForce(actions) });
    expect([hasChanges(plan), namesAnotherCommit(plan)]).toEqual([false, true]);
  });

  test('is created or changed where the engine has no schedule, or another than what was last applied', async () => {
    const actions = await compiled();
    const known = inForce(actions);
    const schedules = new Map(known.schedules);
    schedules.delete('policy/orders/backup/offsite');
    schedules.set('policy/orders/copy/second', { digest: 'of an interrupted apply' });
    const plan = makePlan({ actions, commit: COMMIT, ...known, schedules });
    expect(plan.actions.filter(({ step }) => step !== 'unchanged')).toMatchObject([
      { id: 'policy/orders/backup/offsite', step: 'create', fault: 'missing' },
      { id: 'policy/orders/copy/second', step: 'change', fault: 'outdated', changes: [] },
    ]);
  });

  test('is paused when it is suspended from now on, and changed when it runs again', async () => {
    const [running, suspended] = [
      await compiled(),
      await compiled([['  hold:', '  suspend: { reason: migration }\n  hold:']]),
    ];
    const pause = makePlan({ actions: suspended, commit: COMMIT, ...inForce(running) });
    const of = (plan: typeof pause) => plan.actions.find(({ id }) => id === 'policy/orders/backup/offsite');
    expect(of(pause)).toMatchObject({
      step: 'pause',
      suspended: 'migration',
      changes: [{ field: 'suspend', after: 'migration' }],
    });
    const resume = makePlan({ actions: running, commit: COMMIT, ...inForce(suspended) });
    expect(of(resume)).toMatchObject({ step: 'change', changes: [{ field: 'suspend', before: 'migration' }] });
  });

  test('stays paused where an operator paused it', async () => {
    const actions = await compiled();
    const known = inForce(actions);
    const schedules = new Map(known.schedules);
    const [first] = actions;
    schedules.set(first!.id, { ...schedules.get(first!.id)!, pausedByOperator: 'moving the disk' });
    const plan = makePlan({ actions, commit: COMMIT, ...known, schedules });
    expect(plan.actions[0]).toMatchObject({ step: 'unchanged', pausedByOperator: 'moving the disk' });
  });
});

test('schedules of which no record knows are not taken over, nor deleted, without leave', async () => {
  const actions = await compiled();
  const { schedules } = inForce(actions);
  expect(makePlan({ actions, commit: COMMIT, ...NOTHING }).weaker).toEqual([]);
  expect(makePlan({ actions, commit: COMMIT, ...NOTHING, schedules }).weaker).toMatchObject([
    { subject: 'project', what: expect.stringContaining(`the engine has schedules (${actions.length})`) },
  ]);
});

test('what no policy asks for any more is deleted, and so is a schedule that no record knows', async () => {
  const actions = await compiled();
  const known = inForce(actions);
  const schedules = new Map([...known.schedules, ['policy/left/backup/behind', { digest: 'x' }] as const]);
  const wanted = actions.filter(({ kind }) => kind !== 'copy');
  const plan = makePlan({ actions: wanted, commit: COMMIT, ...known, schedules });
  expect(plan.actions.slice(wanted.length)).toEqual([
    { id: 'policy/orders/copy/second', kind: 'copy', policy: 'orders', step: 'delete', changes: [] },
    { id: 'policy/left/backup/behind', step: 'delete', changes: [], fault: 'surplus' },
  ]);
});

describe('a change is told in the words of the policy', () => {
  const cases: [string, [string, string], string, object[]][] = [
    [
      'an interval',
      ['every: 1h, verify', 'every: 2h, offset: 0s, verify'],
      'backup/offsite',
      [
        { field: 'schedule', before: 'every 1h, offset 50m', after: 'every 2h' },
        { field: 'timeout', before: '1h', after: '2h' },
      ],
    ],
    [
      'a time of day',
      ['to: second, every: 1d', 'to: second, every: 1d, at: "02:30"'],
      'copy/second',
      [{ field: 'schedule', before: 'every 1d, offset 13h52m', after: 'every day at 02:30 UTC' }],
    ],
    ['an objective', ['rpo: 3h', 'rpo: 4h'], 'access-check', [{ field: 'rpo', before: '3h', after: '4h' }]],
    [
      'a keep rule',
      ['daily: 7', 'daily: 5, weekly: 2'],
      'retention/offsite',
      [
        { field: 'keep.daily', before: '7', after: '5' },
        { field: 'keep.weekly', after: '2' },
      ],
    ],
    [
      'a list',
      ['exclude: ["*.tmp"]', 'exclude: ["*.bak"]'],
      'backup/offsite',
      [{ field: 'exclude', added: ['*.bak'], removed: ['*.tmp'] }],
    ],
    [
      'a size',
      ['excludeLargerThan: 20GiB', 'excludeLargerThan: 1GiB'],
      'backup/offsite',
      [{ field: 'excludeLargerThan', before: '20.0 GiB', after: '1.00 GiB' }],
    ],
    [
      'a share',
      ['content: 1%', 'content: 12.5%'],
      'backup/offsite',
      [{ field: 'verify.content', before: '1%', after: '12.5%' }],
    ],
    [
      'where a password is',
      ['env: OFFSITE_PASSWORD', 'command: [pass, show, s3cret]'],
      'backup/offsite',
      [{ field: 'repository.passwordFrom', before: 'env OFFSITE_PASSWORD', after: 'command pass' }],
    ],
    [
      'the arguments of a program, which may be secret',
      ['[pass, show, vault]', '[pass, show, s3cret]'],
      'backup/offsite',
      [
        {
          field: 'repository.identities.writer.passphraseFrom',
          before: 'command pass',
          after: 'command pass, changed',
        },
      ],
    ],
    [
      'where a repository is',
      ['path: /srv/vault', 'path: /srv/other'],
      'restore-test',
      [
        { field: 'repositories.offsite.sftp.path', before: '/srv/vault', after: '/srv/other' },
        { field: 'repositories.second.sftp.path', before: '/srv/vault', after: '/srv/other' },
      ],
    ],
    [
      'a sample',
      ['coverWithin: 365d', 'files: 20'],
      'restore-test',
      [{ field: 'sample', before: 'every file within 365d', after: '20 files' }],
    ],
    [
      'a hold',
      ['until: 2036-01-01', 'until: 2030-01-01'],
      'retention/offsite',
      [{ field: 'hold.until', before: '2036-01-01', after: '2030-01-01' }],
    ],
    [
      'encryption',
      [', encrypt: { passwordFrom: { env: CRYPT } }', ''],
      'sync/vault/orders',
      [
        { field: 'encrypt.passwordFrom', before: 'env CRYPT' },
        { field: 'encrypt.names', before: 'standard' },
      ],
    ],
    [
      'a rate',
      ['upload: 50MiB/s', 'upload: 5MiB/s'],
      'backup/offsite',
      [{ field: 'repository.limits.upload', before: '50.0 MiB/s', after: '5.00 MiB/s' }],
    ],
  ];
  test.each(cases)('%s', async (_title, replacement, id, changes) => {
    const [before, after] = [await compiled(), await compiled([replacement])];
    const find = (actions: Action[]) => actions.find((action) => action.id === `policy/orders/${id}`)!;
    const found = compareActions(find(before), find(after));
    expect(found).toEqual(changes);
    expect(JSON.stringify(found)).not.toContain('s3cret');
  });

  test('also the text of a script, which is not shown', async () => {
    const [before, after] = [await compiled(), await compiled([], 'exit 1')];
    const find = (actions: Action[]) => actions.find(({ kind }) => kind === 'restore-test')!;
    expect(compareActions(find(before), find(after))).toEqual([
      {
        field: 'assert',
        added: ['script verify.sh (timeout 5m), changed'],
        removed: ['script verify.sh (timeout 5m)'],
      },
    ]);
  });

  test('whatever it is: no part of an action changes silently', async () => {
    const demo = readFileSync(path.join(import.meta.dirname, '../../policies/demo.yaml'), 'utf8');
    const actions = [...(await compiled()), ...(await checkFiles({ 'demo.yaml': demo })).compiled.actions];
    const silent = actions.flatMap((action) =>
      leavesOf(action)
        .filter((leaf) => !/^(id|kind|policy|target|digest|settings\.kind)$/.test(leaf))
        // The host and the interval of a restore test stand beside its settings, too.
        .filter((leaf) => action.kind !== 'restore-test' || !/^settings\.(host|everySeconds)$/.test(leaf))
        // A policy's own name is in the action's id.
        .filter((leaf) => leaf !== 'settings.policyNames.0')
        .filter((leaf) => compareActions(action, altered(action, leaf.split('.'))).length === 0)
        .map((leaf) => `${action.id}: ${leaf}`),
    );
    expect(silent).toEqual([]);
  });
});

function leavesOf(value: unknown, at: string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [at.join('.')];
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, [...at, key]));
}

/** A copy with another value at the path. */
function altered<T>(value: T, [key, ...rest]: string[]): T {
  if (key === undefined) return (typeof value === 'number' ? value + 0.5 : `${String(value)}?`) as T;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = altered(copy[key], rest);
  return copy as T;
}
