import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { NewFolders } from '../../files/new-folders.ts';
import { bytes } from './tree-contract/tree-under-test.ts';

it('gives a folder its name only when the one that it lies in has one, or gets it before', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-folders-'));
  try {
    using folders = new NewFolders(fromText(root));
    for (const path of ['above', 'above/below']) folders.make(bytes(path), 0o755);
    const below = folders.find(bytes('above/below'))!;
    const above = folders.find(bytes('above'))!;
    above.underWay = 1;
    expect(folders.seal({ isLast: true })).toEqual([]);
    above.underWay = 0;
    expect(folders.seal({ isLast: true })).toEqual([above, below]);
    for (const folder of [above, below]) folders.name(folder);
    expect(await readdir(root, { recursive: true })).toEqual(['above', 'above/below']);
    folders.make(bytes('above/late'), 0o755);
    expect(folders.seal({ isLast: true })).toEqual([folders.find(bytes('above/late'))]);
  } finally {
    await rm(root, { recursive: true });
  }
});

it('has a folder wait that is being filled until much waits in and below it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-folders-'));
  try {
    using folders = new NewFolders(fromText(root));
    folders.make(bytes('above'), 0o755);
    const above = folders.find(bytes('above'))!;
    folders.make(bytes('above/below'), 0o755);
    const below = folders.find(bytes('above/below'))!;
    expect(folders.seal({ isLast: false })).toEqual([]);
    expect(below.takesNames).toBe(true);
    below.written.push({ path: bytes('above/below/large'), sizeBytes: 2 ** 30 });
    below.underWay = 1;
    expect(folders.seal({ isLast: false })).toEqual([above]);
    expect([above.takesNames, below.takesNames]).toEqual([false, false]);
    for (let number = 0; number < 200; number++) folders.make(bytes(`above/below/${number}`), 0o755);
    below.underWay = 0;
    expect(folders.seal({ isLast: false })).toHaveLength(201);
    expect(folders.find(bytes('above/below/199'))!.takesNames).toBe(true);
    expect(folders.seal({ isLast: true })).toHaveLength(202);
  } finally {
    await rm(root, { recursive: true });
  }
});
