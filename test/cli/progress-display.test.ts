import { expect, test } from 'vitest';
import { describeProgress, openProgressDisplay } from '../../cli/progress-display.ts';

function record(
  isTTY: boolean,
  columns = 80,
): { write(text: string): void; written: string[]; isTTY: boolean; columns: number } {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text) => void written.push(text) };
}

test('on a terminal a bar is drawn at most ten times a second, fits the line, and is cleared', () => {
  const stream = record(true, 40);
  let now = 0;
  const display = openProgressDisplay(stream, () => now);
  for (; now < 1000; now += 10)
    display.report({ phase: 'backing up', bytes: now * 1024, totalBytes: 1024_000, files: 3 });
  expect(stream.written).toHaveLength(10);
  expect(stream.written.at(-1)).toMatch(/^\r\x1b\[2Kbacking up {2}\[#+/); // oxlint-disable-line no-control-regex
  for (const line of stream.written) expect(line.length - '\r\x1b[2K'.length).toBeLessThan(40);
  display.finish();
  expect(stream.written.at(-1)).toBe('\r\x1b[2K');
});

test('elsewhere a plain line comes each ten seconds, and none for short work', () => {
  const stream = record(false);
  let now = 0;
  const display = openProgressDisplay(stream, () => now);
  for (; now < 9000; now += 100) display.report({ phase: 'reading packs', files: 1 });
  expect(stream.written).toEqual([]);
  for (; now <= 30_000; now += 100) display.report({ phase: 'reading packs', files: 1, totalFiles: 4 });
  expect(stream.written).toEqual(
    ['30s', '1m', '1m30s'].map((left) => `reading packs  25 %  1 of 4 files  ${left} left\n`),
  );
  display.finish();
  expect(stream.written).toHaveLength(3);
});

test('a line tells share, amounts, rate and the time left', () => {
  const state = { phase: 'restoring', bytes: 50 * 1024 ** 2, totalBytes: 200 * 1024 ** 2, files: 7, totalFiles: 9 };
  expect(describeProgress(state, 10, true)).toBe(
    'restoring  [######------------------]  25 %  50.0 MiB of 200 MiB  7 of 9 files  5.00 MiB/s  30s left',
  );
  expect(describeProgress({}, 0, false)).toBe('working');
});

test('what is tried again stands in the line, at once on a terminal, until it is over', () => {
  const stream = record(true, 120);
  const display = openProgressDisplay(stream, () => 0);
  display.report({ phase: 'backing up', files: 3 });
  display.report({
    trouble: { what: 's3://vault answers 503\u001b', attempt: 3, attempts: 5, atMs: Date.now() + 3500 },
  });
  display.report({ phase: 'backing up', files: 4 });
  expect(stream.written.at(-1)).toBe(
    '\r\x1b[2Kbacking up: s3://vault answers 503 ; trying again in 4s (attempt 3 of 5)',
  );
  display.report({ trouble: undefined });
  expect(stream.written.at(-1)).toBe('\r\x1b[2Kbacking up  4 files');
});

test('what is waited for is told in a log at once, and then now and then', () => {
  const stream = record(false);
  let now = 3000;
  const display = openProgressDisplay(stream, () => now, 0);
  const trouble = { what: 'sftp://vault does not answer yet', atMs: Date.now() + 26_500, isWaiting: true } as const;
  for (; now <= 15_000; now += 3000) display.report({ trouble });
  expect(stream.written).toEqual(
    Array.from({ length: 2 }, () => 'working: sftp://vault does not answer yet; waiting for up to 27s more\n'),
  );
});

test('in a log only trouble that lasts is told, and its end is no line', () => {
  const stream = record(false);
  let now = 0;
  const display = openProgressDisplay(stream, () => now);
  const trouble = { what: 'the connection was lost', atMs: 0 };
  for (; now < 10_000; now += 2000) display.report({ trouble });
  expect(stream.written).toEqual([]);
  display.report({ trouble });
  expect(stream.written).toEqual(['working: the connection was lost; trying again\n']);
  now += 20_000;
  display.report({ trouble: undefined });
  expect(stream.written).toHaveLength(1);
});
