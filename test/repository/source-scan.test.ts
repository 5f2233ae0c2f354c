import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InterruptedError } from '../../common/errors.ts';
import { archive, scanSources, type ArchiveRequest, type ArchiveResult } from '../../repository/archive.ts';
import type { ScannedFolder } from '../../repository/packed-folders.ts';
import { startScanAhead } from '../../repository/start-scan.ts';
import { SourceScan } from '../../repository/source-scan.ts';
import { buildSourceTree } from '../../repository/source-tree.ts';
import { createArchiveFixture, type ArchiveFixture } from './archive-fixture.ts';

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
    await scan.ended;
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
    await scan.ended;
    mkdirSync(late);
    const { unreadable } = await archiveScanned(fixture, [fixture.source, late], scan);
    expect(unreadable).toEqual([{ path: late, message: 'it is not there' }]);
  });
});

describe('the thread of a scan, started before there is anything to scan', () => {
  it('scans what it is told later, once', async () => {
    using fixture = await createArchiveFixture();
    writeFileSync(path.join(fixture.source, 'a'), 'one');
    const started = startScanAhead();
    const scan = scanSources(requestFor([fixture.source]), started);
    // It belongs to the scan, and goes on.
    await started.close();
    const { figures } = await archiveScanned(fixture, [fixture.source], scan);
    expect(figures.filesNew).toBe(1);
    await scan.ended;
  });

  it('ends when nobody has a use for it', async () => {
    // It waits for the thread to have ended.
    await startScanAhead().close();
  });
});

describe('a file that changed since it was scanned', () => {
  it('is in the snapshot even when it vanishes after it was read', async () => {
    using fixture = await createArchiveFixture();
    const file = path.join(fixture.source, 'a');
    writeFileSync(file, 'one');
    writeFileSync(path.join(fixture.source, 'b'), 'two');
    const scan = scanSources(requestFor([fixture.source]));
    await scan.ended;
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

/** As many folders, each with two files. */
function makeFolders(source: string, count: number): void {
  for (let number = 10; number < 10 + count; number++) {
    const folder = path.join(source, String(number));
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'a'), '');
    writeFileSync(path.join(folder, 'b'), '');
  }
}

function startScan(source: string, maxEntriesAhead: number): SourceScan {
  return new SourceScan(buildSourceTree([source]), { selection: requestFor([]).source, maxEntriesAhead });
}

function namesOf(folder: ScannedFolder): string[] {
  const names: string[] = [];
  for (let entry = folder.next(); entry !== undefined; entry = folder.next()) names.push(entry.name);
  return names;
}

describe('a scan', () => {
  it('gives all folders in the order of the walk, though it may be only a few entries ahead', async () => {
    using fixture = await createArchiveFixture();
    makeFolders(fixture.source, 30);
    const scan = startScan(fixture.source, 4);
    const folders: string[][] = [];
    const above = fixture.source.split('/').length - 1;
    while (folders.length < above + 1 + 30) folders.push(namesOf(await scan.next()));
    await scan.ended;
    const source = folders[above]!;
    expect(source).toEqual(Array.from({ length: 30 }, (_, index) => String(10 + index)));
    expect(folders.slice(above + 1)).toEqual(source.map(() => ['a', 'b']));
  });

  it('looks at no more than it may be ahead until it is asked', async () => {
    using fixture = await createArchiveFixture();
    makeFolders(fixture.source, 30);
    const scan = startScan(fixture.source, 1);
    await scan.next();
    // A scan that did not wait would be at its end long before.
    await Promise.race([scan.ended, delay(500)]);
    writeFileSync(path.join(fixture.source, 'late'), '');
    const above = fixture.source.split('/').length - 1;
    for (let level = 1; level < above; level++) await scan.next();
    expect(namesOf(await scan.next())).toContain('late');
    scan.stop();
    await scan.ended;
  });

  it('ends its thread when it is stopped, even while it waits to be asked', async () => {
    using fixture = await createArchiveFixture();
    makeFolders(fixture.source, 3);
    const scan = startScan(fixture.source, 1);
    await scan.next();
    const waiting = (async () => {
      for (;;) await scan.next();
    })();
    scan.stop();
    await expect(waiting).rejects.toThrow(InterruptedError);
    await scan.ended;
  });
});
