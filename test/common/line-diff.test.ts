import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { unifiedDiff } from '../../common/line-diff.ts';

const names = { before: 'a/x', after: 'b/x' };

test('a change is shown with three lines around it', () => {
  const before = Array.from({ length: 20 }, (_, index) => `line ${index + 1}\n`).join('');
  const after = before.replace('line 10\n', 'other\nmore\n').replace('line 20\n', 'line 20');
  expect(unifiedDiff(before, after, names)).toEqual([
    '--- a/x',
    '+++ b/x',
    '@@ -7,7 +7,8 @@',
    ...[' line 7', ' line 8', ' line 9', '-line 10', '+other', '+more', ' line 11', ' line 12', ' line 13'],
    '@@ -17,4 +18,4 @@',
    ...[' line 17', ' line 18', ' line 19', '-line 20', '+line 20\n\\ No newline at end of file'],
  ]);
  expect(unifiedDiff(before, before, names)).toEqual([]);
});

test('patch makes of the first text the second, whatever they are, and no edit too many is in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-diff-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'x');
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', '', 'd d'), { maxLength: 25 })
    .map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = unifiedDiff(before, after, names);
      if (lines.length === 0) return before === after;
      writeFileSync(file, before);
      execFileSync('patch', ['--silent', '--no-backup-if-mismatch', file], { input: `${lines.join('\n')}\n` });
      expect(readFileSync(file, 'utf8')).toBe(after);
      const edits = lines.slice(2).filter((line) => /^[-+]/.test(line)).length;
      return edits <= before.split('\n').length + after.split('\n').length;
    }),
    { numRuns: 150, seed: 20261130 },
  );
});
