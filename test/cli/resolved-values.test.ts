import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { pathText, resolveValues, type ResolvedDocument } from '../../cli/resolved-values.ts';
import { compile, type CompileResult } from '../../domain/compile.ts';
import type { DocumentPath, LoadedDocument } from '../../schemas/loaded-document.ts';
import type { Policy, Project } from '../../schemas/types.ts';
import { checkFiles } from '../schemas/check-files.ts';
import { PROJECT_FOLDER, readSource } from '../source-files.ts';

const ENVIRONMENT = { stateDirectory: '/state', digest: (text: string) => text, readScript: () => 'exit 0' };

const CLASSES = `apiVersion: holdfast/v1
kind: Project
metadata: { name: acme }
spec:
  timezone: Europe/Berlin
  importance:
    critical: { restoreTest: { every: 3d } }
    archive:
      backup: { every: 30d }
      objectives: { rpo: 35d }
      retention: { keep: { yearly: 10 } }
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
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: orders }
spec:
  importance: critical
  source: { directory: /srv }
  backup: [{ to: offsite, cron: "30 2 * * *" }]
  objectives: { rto: 3h, rpo: 2d }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: letters }
spec:
  importance: archive
  source: { directory: /srv/letters }
  sync: [{ to: vault, path: letters, mode: copy, every: 1d, at: "03:00" }]
  backup: [{ to: offsite, retention: { keep: class } }]
  retention: { keep: { last: 1 } }
---
apiVersion: holdfast/v1
kind: Policy
metadata: { name: plain }
spec: { source: { directory: /srv/plain }, sync: [{ to: vault, path: plain, mode: mirror }] }
`;

const policiesOf = (documents: readonly LoadedDocument[]): LoadedDocument<Policy>[] =>
  documents.filter((document): document is LoadedDocument<Policy> => document.kind === 'Policy');

/** The document in which every value in force is written. */
function writtenOut({ values }: ResolvedDocument): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { path: at, value } of values) set(root, at, value);
  return root;
}

function set(target: Record<string | number, unknown>, [step, ...rest]: DocumentPath, value: unknown): void {
  if (step === undefined) return;
  if (rest.length === 0) target[step] = value;
  else set((target[step] ??= typeof rest[0] === 'number' ? [] : {}) as Record<string, unknown>, rest, value);
}

/** Without a time zone either, but where a location's limits need it. */
function withoutClasses(project: LoadedDocument<Project>): LoadedDocument<Project> {
  const { importance: _importance, timezone, engine } = project.content.spec ?? {};
  const spec = { ...(engine === undefined ? {} : { engine, ...(timezone === undefined ? {} : { timezone }) }) };
  return { ...project, content: { ...project.content, spec } };
}

test.each([
  ['classes', () => CLASSES],
  ['the demo', () => readSource('policies/demo.yaml')],
  ['the whole language', () => readFileSync(path.join(PROJECT_FOLDER, 'test/schemas/whole-language.txt'), 'utf8')],
])('written out, the values in force compile to the same actions without any class: %s', async (_name, text) => {
  const scripts = { 'tests/verify-orders.sh': '', 'excludes.txt': '' };
  const { documents } = await checkFiles({ 'a.yaml': text(), ...scripts });
  const actionsOf = (all: readonly LoadedDocument[]): CompileResult['actions'] =>
    compile(all, ENVIRONMENT).actions.filter(({ policy }) => policy !== undefined);
  const out = documents.map((document): LoadedDocument => {
    if (document.kind === 'Project') return withoutClasses(document as LoadedDocument<Project>);
    const policy = policiesOf([document])[0];
    if (policy === undefined) return document;
    const [resolved] = resolveValues(policy, documents);
    return { ...policy, content: { ...policy.content, ...writtenOut(resolved!) } as Policy };
  });
  expect(actionsOf(documents).length).toBeGreaterThan(1);
  expect(actionsOf(out)).toEqual(actionsOf(documents));
});

test('each value names the file, the class or the language that it came from', async () => {
  const { documents } = await checkFiles({ 'a.yaml': CLASSES });
  const shown = policiesOf(documents).map((policy) => {
    const [{ values } = { values: [] }] = resolveValues(policy, documents);
    return values
      .filter(({ path: at }) => /every|rpo|rto|cron|timezone|keep|importance/.test(pathText(at)))
      .map(({ path: at, value, from }) => `${pathText(at)} ${JSON.stringify(value)} ${JSON.stringify(from)}`);
  });
  expect(shown).toMatchInlineSnapshot(`
    [
      [
        "spec.importance "critical" {"kind":"file","file":"policies/a.yaml","line":27}",
        "spec.objectives.rpo "2d" {"kind":"file","file":"policies/a.yaml","line":30}",
        "spec.objectives.rto "3h" {"kind":"file","file":"policies/a.yaml","line":30}",
        "spec.backup[0].cron "30 2 * * *" {"kind":"file","file":"policies/a.yaml","line":29}",
        "spec.backup[0].timezone "Europe/Berlin" {"kind":"file","file":"policies/a.yaml","line":5,"document":"Project/acme"}",
        "spec.restoreTest.every "3d" {"kind":"class","class":"critical","file":"policies/a.yaml","line":7}",
        "spec.accessCheck.every "1d" {"kind":"class","class":"critical","builtIn":"critical"}",
      ],
      [
        "spec.importance "archive" {"kind":"file","file":"policies/a.yaml","line":36}",
        "spec.objectives.rpo "35d" {"kind":"class","class":"archive","file":"policies/a.yaml","line":10}",
        "spec.objectives.rto "1d" {"kind":"class","class":"archive","builtIn":"normal"}",
        "spec.sync[0].every "1d" {"kind":"file","file":"policies/a.yaml","line":38}",
        "spec.sync[0].timezone "Europe/Berlin" {"kind":"file","file":"policies/a.yaml","line":5,"document":"Project/acme"}",
        "spec.backup[0].every "30d" {"kind":"class","class":"archive","file":"policies/a.yaml","line":9}",
        "spec.backup[0].retention.every "1d" {"kind":"built-in"}",
        "spec.backup[0].retention.keep.yearly 10 {"kind":"class","class":"archive","file":"policies/a.yaml","line":11}",
        "spec.retention.every "1d" {"kind":"built-in"}",
        "spec.retention.keep.last 1 {"kind":"file","file":"policies/a.yaml","line":40}",
        "spec.restoreTest.every "30d" {"kind":"class","class":"archive","builtIn":"normal"}",
        "spec.accessCheck.every "7d" {"kind":"class","class":"archive","builtIn":"normal"}",
      ],
      [
        "spec.importance "normal" {"kind":"built-in"}",
        "spec.objectives.rpo "1d12h" {"kind":"class","class":"normal","builtIn":"normal"}",
        "spec.objectives.rto "1d" {"kind":"class","class":"normal","builtIn":"normal"}",
        "spec.sync[0].every "1d" {"kind":"class","class":"normal","builtIn":"normal"}",
      ],
    ]
  `);
});
