import { expect, test } from 'vitest';
import { createStyle } from '../../cli/output.ts';
import { planLines } from '../../cli/plan-lines.ts';
import { describeRun } from '../../cli/run-lines.ts';
import type { SyncFigures } from '../../domain/run-record.ts';
import { sampleRun } from '../evidence/sample-records.ts';

const lines = (decisions: SyncFigures['decisions'], dryRun = true) =>
  planLines(
    sampleRun({ dryRun, kind: 'sync', figures: { kind: 'sync', decisions } as SyncFigures }),
    createStyle(false),
  );

test('a dry run of a sync is told by file, each with its reason', () => {
  const decisions = [
    { step: 'replace', path: 'a.txt', reason: 'size 1 → 2' },
    { step: 'rename', path: 'new\u001b[31m', reason: 'renamed from old' },
  ];
  expect(lines(decisions)).toEqual([
    '  replace  a.txt  size 1 → 2',
    expect.stringMatching(/^ {2}rename {3}new\S+ {2}ren/),
  ]);
  expect(lines(decisions).join('')).not.toContain('\u001b');
  expect(lines([])).toEqual(['  nothing is to be done']);
});

test('names that the plan has escaped are not escaped once more', () => {
  const decisions = [{ step: 'leave', path: 'new\\nline', reason: 'renamed from non\\xffutf8' }];
  expect(lines(decisions)).toEqual(['  leave  new\\nline  renamed from non\\xffutf8']);
});

test('nothing is told of a run that did it, and of a long plan that there is more', () => {
  const decision = { step: 'copy', path: 'a', reason: 'new' };
  expect(lines([decision], false)).toEqual([]);
  expect(lines(Array.from({ length: 200 }, () => decision)).at(-1)).toBe('  … and what follows these 200');
});

test('what a dry run takes for renamed is said to be probable, as nobody has compared the contents yet', () => {
  const figures = { kind: 'sync', filesCopied: 0, bytesCopied: 0, filesRemoved: 0, filesUnchanged: 0, filesRenamed: 2 };
  const told = (dryRun: boolean) => describeRun(sampleRun({ dryRun, kind: 'sync', figures: figures as SyncFigures }));
  expect(told(true)).toMatch(/, 2 probably renamed$/);
  expect(told(false)).toMatch(/, 2 renamed$/);
});
