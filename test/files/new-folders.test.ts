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
    expect(folders.seal()).toEqual([]);
    above.underWay = 0;
    expect(folders.seal()).toEqual([above, below]);
    for (const folder of [above, below]) folders.name(folder);
    expect(await readdir(root, { recursive: true })).toEqual(['above', 'above/below']);
    folders.make(bytes('above/late'), 0o755);
    expect(folders.seal()).toEqual([folders.find(bytes('above/late'))]);
  } finally {
    await rm(root, { recursive: true });
  }
});
