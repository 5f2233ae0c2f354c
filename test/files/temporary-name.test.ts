/** Whose unfinished files go: those of processes that are gone, never those of one that is still at work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { openRootFolder } from '../../files/safe-folder.ts';
import { createTemporaryNames, removeAbandoned, temporaryName } from '../../files/temporary-name.ts';
import { isTemporaryName } from '../../files/temporary-shape.ts';

const MODULE = new URL('../../files/temporary-name.ts', import.meta.url).href;

/** Of a process that has ended since. */
function nameOfTheDead(): string {
  const script = `process.stdout.write((await import(${JSON.stringify(MODULE)})).temporaryName())`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
}

afterEach(() => vi.useRealTimers());

it('of dead processes go at once, of those at work never, of other machines after a day', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-temporary-'));
  const put = (name: string): string => {
    writeFileSync(join(folder, name), '');
    // It has the time of what it is a copy of already.
    utimesSync(join(folder, name), 1e9, 1e9);
    return name;
  };
  const removeAfter = (hours: number): string[] => {
    vi.useFakeTimers({ toFake: ['Date'], now: begunAt + hours * 3_600_000 });
    using root = openRootFolder(fromText(folder));
    removeAbandoned(root);
    return readdirSync(folder).toSorted();
  };
  const begunAt = Date.now();
  const own = temporaryName();
  const [before, pid, start, rest] = [/^.*?-tmp-[0-9a-f]{8}-/.exec(own)![0], ...own.split('-').slice(-3)];
  expect(own).toBe(`${before}${pid}-${start}-${rest}`);
  const foreign = (digits: string): string => `.holdfast-tmp-00000000-1-1-${digits.repeat(16)}`;
  const kept = [put(own), put(createTemporaryNames()()), put('.holdfast-tmp-mine'), put('file')];
  // The number of a process that lives belongs to one that was started at another time.
  const goes = [nameOfTheDead(), `${before}${pid}-${start}0-${rest}`];
  expect([...goes, foreign('a')].filter((name) => !isTemporaryName(name))).toEqual([]);
  for (const name of [...goes, foreign('a')]) put(name);
  for (const hours of [0, 23]) expect(removeAfter(hours)).toEqual([...kept, foreign('a')].toSorted());
  expect(removeAfter(25)).toEqual(kept.toSorted());
  rmSync(folder, { recursive: true });
});
