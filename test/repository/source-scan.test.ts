import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { archive, scanSources, type ArchiveRequest, type ArchiveResult } from '../../repository/archive.ts';
import type { SourceScan } from '../../repository/source-scan.ts';
import { createArchiveFixture, type ArchiveFixture } from './archive-fixture.ts';

/** Enough for the scan of some files, and not for it to be old. */
const SCANNED_MS = 300;

function requestFor(directories: string[]): ArchiveRequest {
  const source = { directories, exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false };
  return { source, hostname: 'app-01', tags: [], time: new Date() };
}

async function archiveScanned(
  fixture: ArchiveFixture,
  directories: string[],
  scan: SourceScan,
): Promise<ArchiveResult> {
  const repository = await fixture.open();
  try {
    return await archive(repository, requestFor(directories), { scan });
  } finally {
    await repository.close();
  }
}

describe('a scan that was begun before the backup', () => {
  it('is used while it is new', async () => {
    using fixture = await createArchiveFixture();
    writeFileSync(path.join(fixture.source, 'early'), 'early');
    const scan = scanSources(requestFor([fixture.source]));
    await delay(SCANNED_MS);
    writeFileSync(path.join(fixture.source, 'late'), 'late');
    const { figures } = await archiveScanned(fixture, [fixture.source], scan);
    expect(figures.filesNew).toBe(1);
  });

  it('is not used when it is old, as after waiting for a lock', async () => {
    using fixture = await createArchiveFixture();
    writeFileSync(path.join(fixture.source, 'early'), 'early');
    const scan = scanSources(requestFor([fixture.source]));
    await delay(2100);
    writeFileSync(path.join(fixture.source, 'late'), 'late');
    const { figures } = await archiveScanned(fixture, [fixture.source], scan);
    expect(figures.filesNew).toBe(2);
  });

  it('tells of a source that it did not find, though it came later', async () => {
    using fixture = await createArchiveFixture();
    writeFileSync(path.join(fixture.source, 'a'), 'one');
    const late = path.join(fixture.folder, 'late');
    const scan = scanSources(requestFor([fixture.source, late]));
    await delay(SCANNED_MS);
    mkdirSync(late);
    const { unreadable } = await archiveScanned(fixture, [fixture.source, late], scan);
    expect(unreadable).toEqual([{ path: late, message: 'it is not there' }]);
  });
});

describe('a file that changed since it was scanned', () => {
  it('is in the snapshot even when it vanishes after it was read', async () => {
    using fixture = await createArchiveFixture();
    const file = path.join(fixture.source, 'a');
    writeFileSync(file, 'one');
    writeFileSync(path.join(fixture.source, 'b'), 'two');
    const scan = scanSources(requestFor([fixture.source]));
    await delay(SCANNED_MS);
    appendFileSync(file, ' and more');
    // It goes after the backup has found it still there, and before its attributes are read.
    const { nodes } = scan;
    const make = nodes.make.bind(nodes);
    nodes.make = (...args) => {
      rmSync(file);
      return make(...args);
    };
    const { figures, unreadable } = await archiveScanned(fixture, [fixture.source], scan);
    expect([figures.filesNew, figures.bytesProcessed, unreadable]).toEqual([2, 12 + 3, []]);
  });
});
