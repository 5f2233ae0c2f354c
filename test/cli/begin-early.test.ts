import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.resetModules());

/** What is begun for a command line. */
async function begun(argv: string[]): Promise<string> {
  const { beginEarly, endEarly, readerThreads, scanThread } = await import('../../cli/begin-early.ts');
  beginEarly(argv);
  const names = [scanThread() && 'scan', readerThreads() && 'readers'].filter((name) => name !== undefined);
  await endEarly();
  return names.join(' and ');
}

test.each([
  ['backup /srv', 'scan'],
  ['-q backup --repo vault /srv', 'scan'],
  ['backup --nonsense', 'scan'],
  ['backup --dry-run /srv', 'scan'],
  ['restore latest --target out', 'readers'],
  ['-v restore', 'readers'],
  ['check', 'readers'],
  ['check --read-data', 'readers'],
])('"%s" starts: %s', async (line, names) => {
  expect(await begun(line.split(' '))).toBe(names);
});

test.each([
  '',
  'ls restore',
  'ls backup',
  'backup --help',
  'backup --stdin',
  'help backup',
  'restore -n',
  'restore --dry-run',
  'check -h',
])('"%s" starts nothing', async (line) => {
  expect(await begun(line.split(' '))).toBe('');
});
