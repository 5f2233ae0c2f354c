/** What rounds leave behind stays until the benchmark ends. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeRoom, removeAside, setAside } from '../../bench/set-aside.ts';

describe('what a round leaves behind', () => {
  let work: string;
  let restored: string;

  beforeEach(() => {
    work = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    restored = path.join(work, 'restored');
    mkdirSync(restored);
    writeFileSync(path.join(restored, 'file'), '');
    setAside(work, restored);
  });

  afterEach(() => rmSync(work, { recursive: true }));

  it('makes way for the next, as often as there is one, and is there until the end', () => {
    expect(existsSync(restored)).toBe(false);
    setAside(work, restored);
    mkdirSync(restored);
    setAside(work, restored);
    expect(readdirSync(path.join(work, 'aside'))).toHaveLength(2);
    removeAside(work);
    expect(readdirSync(work)).toEqual([]);
  });

  it('is removed earlier only when there is no room for the next round', () => {
    const said: string[] = [];
    makeRoom(work, 1 - 5 * 1024 ** 3, (line) => said.push(line));
    expect(readdirSync(path.join(work, 'aside'))).toHaveLength(1);
    makeRoom(work, Number.MAX_SAFE_INTEGER, (line) => said.push(line));
    expect(existsSync(path.join(work, 'aside'))).toBe(false);
    expect(said).toHaveLength(1);
  });
});
