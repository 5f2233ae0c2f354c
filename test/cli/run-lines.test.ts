import { expect, test } from 'vitest';
import { createStyle } from '../../cli/output.ts';
import { runLines } from '../../cli/run-lines.ts';
import { createFindingList } from '../../domain/findings.ts';
import type { Finding } from '../../domain/finding.ts';
import { sampleRun } from '../evidence/sample-records.ts';

const notKept = (name: string): Finding => ({
  code: 'sync/not-kept',
  severity: 'notice',
  subject: name,
  message: `${name} is left out: an encrypted copy keeps no symbolic links`,
});

function linesOf(names: string[]): string[] {
  const findings = createFindingList();
  for (const name of names) findings.add(notKept(name));
  const run = sampleRun({ actionId: 'policy/orders/sync/standby/a', kind: 'sync', target: 'standby' });
  return runLines({ ...run, findings: findings.all() }, createStyle(false));
}

test('a sync is named by its target with its path, and what it left out is told in one line', () => {
  expect(linesOf([])).toEqual([expect.stringMatching(/^✓ sync orders → standby\/a: /)]);
  expect(linesOf(['/srv/a'])[1]).toBe('  · /srv/a is left out: an encrypted copy keeps no symbolic links');
  const many = Array.from({ length: 1000 }, (_, number) => `/srv/${number}`);
  expect(linesOf(many).slice(1)).toEqual([
    '  · 1000 entries are left out of the copy, such as: /srv/0 is left out: an encrypted copy keeps no symbolic links',
  ]);
});
