/** Whose unfinished files go: those of processes that are gone, never those of one that is still at work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { openRootFolder } from '../../files/safe-folder.ts';
import { createTemporaryNames, isTemporaryName, removeAbandoned, temporaryName } from '../../files/temporary-name.ts';

const MODULE = new URL('../../files/temporary-name.ts', import.meta.url).href;

/** Of a process that has ended since. */
function nameOfTheDead(): string {
  const script = `process.stdout.write((await import(${JSON.stringify(MODULE)})).temporaryName())`;
  return execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
}

it('of dead processes go at once, of those at work never, of other machines after a day', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-temporary-'));
  const put = (name: string, ageHours: number): string => {
    writeFileSync(join(folder, name), '');
    const time = Date.now() / 1000 - ageHours * 3600;
    utimesSync(join(folder, name), time, time);
    return name;
  };
  const own = temporaryName();
  const [before, pid, start, rest] = [/^.*?-tmp-[0-9a-f]{8}-/.exec(own)![0], ...own.split('-').slice(-3)];
  expect(own).toBe(`${before}${pid}-${start}-${rest}`);
  const foreign = (digits: string): string => `.holdfast-tmp-00000000-1-1-${digits.repeat(16)}`;
  const kept = [
    put(own, 100),
    put(createTemporaryNames()(), 0),
    put(foreign('a'), 23),
    put('.holdfast-tmp-mine', 100),
    put('file', 100),
  ];
  // The number of a process that lives belongs to one that was started at another time.
  const goes = [nameOfTheDead(), `${before}${pid}-${start}0-${rest}`, foreign('b')];
  expect(goes.filter((name) => !isTemporaryName(name))).toEqual([]);
  for (const [index, name] of goes.entries()) put(name, index === 2 ? 25 : 0);
  {
    using root = openRootFolder(fromText(folder));
    removeAbandoned(root);
  }
  expect(readdirSync(folder).toSorted()).toEqual(kept.toSorted());
  rmSync(folder, { recursive: true });
});
