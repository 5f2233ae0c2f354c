import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.resetModules());

async function begins(argv: string[]): Promise<boolean> {
  const { beginEarly, endEarly, scanThread } = await import('../../cli/begin-early.ts');
  beginEarly(argv);
  const begins = scanThread() !== undefined;
  await endEarly();
  return begins;
}

test.each(['backup /srv', '-q backup --repo vault /srv', 'backup --nonsense'])('"%s" starts its scan', async (line) => {
  expect(await begins(line.split(' '))).toBe(true);
});

test.each(['', 'restore latest', 'ls backup', 'backup --help', 'backup --stdin', 'help backup'])(
  '"%s" starts none',
  async (line) => {
    expect(await begins(line.split(' '))).toBe(false);
  },
);
