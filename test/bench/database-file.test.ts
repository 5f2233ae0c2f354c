/** The file of the benchmark that is edited between two backups. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabaseFile, editDatabaseFile } from '../../bench/database-file.ts';

const PAGE_BYTES = 8192;
const BYTES = 1050 * PAGE_BYTES;

describe('the database-like file', () => {
  let folder: string;
  let file: string;
  let before: Buffer;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-test-'));
    file = path.join(folder, 'orders.db');
    createDatabaseFile(file, BYTES + 100);
    before = readFileSync(file);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('has whole pages, all different, the same each time', () => {
    const again = path.join(folder, 'again.db');
    createDatabaseFile(again, BYTES);
    expect(before.length).toBe(BYTES);
    expect(readFileSync(again).equals(before)).toBe(true);
    expect(new Set(pagesOf(before).map((page) => page.toString('hex'))).size).toBe(1050);
  });

  it('is edited in one page of each hundred, and can be put back', () => {
    editDatabaseFile(file, BYTES, 1);
    const after = readFileSync(file);
    const was = pagesOf(before);
    const changed = pagesOf(after).flatMap((page, index) => (was[index]?.equals(page) ? [] : [index]));
    expect(after.length).toBe(BYTES);
    expect(changed.map((index) => Math.floor(index / 100))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    editDatabaseFile(file, BYTES, 0);
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});

function pagesOf(content: Buffer): Buffer[] {
  return Array.from({ length: content.length / PAGE_BYTES }, (_, index) =>
    content.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  );
}
