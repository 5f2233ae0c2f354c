import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSource } from '../source-files.ts';
import { describeStorageContract } from './contract.ts';
import { openSqliteStorage } from './example-backend.ts';

describeStorageContract('the example of CONTRIBUTING', async (body) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-example-'));
  const [storage, other] = [0, 1].map(() => openSqliteStorage(join(folder, 'objects.sqlite')));
  try {
    await body({ storage: storage!, reopen: () => other! });
  } finally {
    await storage!.close();
    await other!.close();
    await rm(folder, { recursive: true });
  }
});

it('the example of CONTRIBUTING is the one that is tested', () => {
  const blocks = [...readSource('CONTRIBUTING.md').matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]);
  expect(blocks).toContain(readSource('test/storage/example-backend.ts'));
});
