import { describe, expect, test } from 'vitest';
import { resolveValues } from '../../cli/resolved-values.ts';
import type { Action } from '../../domain/action.ts';
import { buildStatus } from '../../domain/status.ts';
import { renderProblems } from '../../schemas/problem.ts';
import type { LoadedDocument } from '../../schemas/loaded-document.ts';
import type { Policy } from '../../schemas/types.ts';
import { sampleApply } from '../evidence/sample-records.ts';
import { checkFiles } from '../schemas/check-files.ts';

const project = (classes: string): string => `apiVersion: holdfast/v1
kind: Project
metadata: { name: acme }
spec:
  importance:
${classes.replaceAll(/^/gm, '    ')}
---
apiVersion: holdfast/v1
kind: Location
metadata: { name: vault }
spec: { local: { path: /vault } }
---
apiVersion: holdfast/v1
kind: Repository
metadata: { name: offsite }
spec: { location: vault, passwordFrom: { env: PW } }
`;

const policy = (name: string, spec: string): string =>
  `---\napiVersion: holdfast/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec: { source: { directory: /srv/${name} }, ${spec} }\n`;

const ARCHIVE = `archive:
  sync: { every: 30d }
  backup: { every: 30d }
  restoreTest: { every: 180d }
  accessCheck: { every: 90d }
  objectives: { rpo: 35d, rto: 7d }
  retention: { keep: { yearly: 10 } }
critical: { restoreTest: { every: 3d } }`;

const USES =
  'importance: archive, backup: [{ to: offsite }], sync: [{ to: vault, path: x, mode: copy }], retention: {}';

/** Interval and class of each kind of action. */
function shown(actions: readonly Action[]): Record<string, unknown> {
  const own = actions.filter((action) => action.policy !== undefined);
  return Object.fromEntries(
    own.map(({ kind, importance, schedule: { timing }, settings }) => [
      kind,
      settings.kind === 'retention'
        ? settings.rules.keep
        : `${importance} ${timing.kind === 'interval' ? timing.everySeconds / 86_400 : 0}d`,
    ]),
  );
}

describe('a class that a Project adds', () => {
  test('gives every interval, the objectives and the keep rules', async () => {
    const { problems, compiled } = await checkFiles({ 'a.yaml': project(ARCHIVE) + policy('letters', USES) });
    expect(renderProblems(problems)).toBe('');
    expect(shown(compiled.actions)).toEqual({
      sync: 'archive 30d',
      backup: 'archive 30d',
      retention: { yearly: 10 },
      'access-check': 'archive 90d',
      'restore-test': 'archive 180d',
    });
    expect(compiled.actions[1]?.objectives).toEqual({ rpoSeconds: 35 * 86_400, rtoSeconds: 7 * 86_400 });
  });

  test('is shown by status, by --resolved, and meant in a PolicySet', async () => {
    const set = `---\napiVersion: holdfast/v1\nkind: PolicySet\nmetadata: { name: old }\nspec:\n  each: { mail: { class: archive } }\n  template: { spec: { importance: "\${class}", source: { directory: "/srv/\${key}" }, backup: [{ to: offsite }] } }\n`;
    const { problems, compiled, documents } = await checkFiles({ 'a.yaml': project(ARCHIVE) + set });
    expect(renderProblems(problems)).toBe('');
    const apply = sampleApply({ actions: compiled.actions, appliedAt: '2026-11-23T00:00:00Z' });
    const status = await buildStatus({ apply, runs: [], now: new Date('2026-11-23T01:00:00Z') });
    expect(status.policies).toMatchObject([
      { policy: 'old-mail', importance: 'archive', objectives: { rpo: { seconds: 35 * 86_400 } } },
    ]);
    const made = documents.find(({ name }) => name === 'old-mail') as LoadedDocument<Policy>;
    const [resolved] = resolveValues(made, documents);
    expect(resolved?.values.find(({ path }) => path.join('.') === 'spec.backup.0.every')).toEqual({
      path: ['spec', 'backup', 0, 'every'],
      value: '30d',
      from: { kind: 'class', class: 'archive', file: 'policies/a.yaml', line: 8 },
    });
  });

  test('is what a misspelt one means', async () => {
    const { problems } = await checkFiles({
      'a.yaml': project(ARCHIVE) + policy('letters', USES.replace('archive', 'arcive')),
    });
    expect(problems).toMatchObject([{ message: 'there is no class "arcive"', hint: 'did you mean "archive"?' }]);
  });

  test('that no backup of its own can satisfy is told once, in the Project, when a policy has it', async () => {
    const classes = project('archive: { backup: { every: 30d } }\nquick: { objectives: { rpo: 1h } }');
    const two = policy('letters', USES) + policy('mail', USES.replace('path: x', 'path: y'));
    const { problems } = await checkFiles({
      'a.yaml': classes + two + policy('chat', 'importance: quick, backup: [{ to: offsite }]'),
    });
    expect(renderProblems(problems))
      .toBe(`policies/a.yaml:6:33  the rpo of 1d12h of class "archive" is not longer than the time from one of its backups to the next, 30d
    6 |     archive: { backup: { every: 30d } }
      |                                 ^^^ give the class a shorter backup.every, or an objectives.rpo of more than 30d

policies/a.yaml:7:33  the rpo of 1h of class "quick" is not longer than the time from one of its backups to the next, 1d
    7 |     quick: { objectives: { rpo: 1h } }
      |                                 ^^ give the class a shorter backup.every, or an objectives.rpo of more than 1d`);
    // With an interval of its own the policy is right.
    const own = policy('chat', 'importance: quick, backup: [{ to: offsite, every: 30m }]');
    expect((await checkFiles({ 'a.yaml': classes + own })).problems).toEqual([]);
  });
});

test('a built-in class that a Project changes keeps what it does not', async () => {
  const text = project(ARCHIVE) + policy('orders', 'importance: critical, backup: [{ to: offsite }], retention: {}');
  const { compiled } = await checkFiles({ 'a.yaml': text });
  expect(shown(compiled.actions)).toEqual({
    backup: `critical ${1 / 24}d`,
    retention: { hourly: 48, daily: 30, weekly: 12, monthly: 24 },
    'access-check': 'critical 1d',
    'restore-test': 'critical 3d',
  });
});
