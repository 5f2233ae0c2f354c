import { expect, test } from 'vitest';
import { createFindingList, limitFindings, needsAttention } from '../../domain/findings.ts';

const finding = (code: string, severity: 'notice' | 'warning' | 'critical', subject: string) => ({
  code,
  severity,
  subject,
  message: `${subject} is wrong`,
});

test('the first findings of each code are kept, and one says how many more there were, with their worst severity', () => {
  const list = createFindingList(2);
  list.add(finding('a', 'notice', '1'));
  list.add(finding('b', 'warning', '2'));
  list.add(finding('a', 'notice', '3'));
  list.add(finding('a', 'critical', '4'));
  list.add(finding('a', 'notice', '5'));
  expect(list.all().map((entry) => [entry.code, entry.severity, entry.subject])).toEqual([
    ['a', 'notice', '1'],
    ['b', 'warning', '2'],
    ['a', 'notice', '3'],
    ['a', 'critical', '2 more'],
  ]);
  expect(list.count('a')).toBe(4);
  expect(list.all().some(needsAttention)).toBe(true);
});

test('a list of any size stays small', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => finding('a', 'warning', 'x'.repeat(5000) + index));
  expect(JSON.stringify(limitFindings(many)).length).toBeLessThan(60_000);
});
