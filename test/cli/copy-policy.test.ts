import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CopyFigures, RunRecord } from '../../domain/run-record.ts';
import { requirePeer } from '../peers.ts';
import { createProject, type Project } from './project-fixture.ts';

const temporal = requirePeer('temporal');

/** Its name comes before that of the repository it is copied from. */
async function addCopy({ directory }: Project): Promise<void> {
  const path = join(directory, 'policies', 'orders.yaml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('backup: [{ to: main }]', '$&\n  copy: [{ from: main, to: away }]'));
  await appendFile(
    path,
    '---\napiVersion: holdfast/v1\nkind: Repository\nmetadata: { name: away }\nspec: { location: vault, path: away, passwordFrom: { env: ORDERS_PASSWORD } }\n',
  );
}

temporal.it(
  'a policy’s copy runs after its backup, is made with the chunker of the other repository, and is recorded, shown and tested',
  async () => {
    await using project = await createProject({ temporal });
    await addCopy(project);
    const once = await project.holdfast(['start', '--once', '--quiet']);
    expect([once.status, once.stderr]).toEqual([0, expect.not.stringContaining('error')]);
    const dry = await project.holdfast(['copy', '--from-repository', 'main', '--repository', 'away', '--json']);
    expect(JSON.parse(dry.stdout)).toMatchObject({ copied: [], present: [{}], sameChunker: true });

    await writeFile(join(project.directory, 'source', 'ledger.csv'), 'id,amount\n1,10\n2,20\n');
    expect((await project.holdfast(['run', 'orders', 'backup'])).status).toBe(0);
    const ran = await project.holdfast(['run', 'orders', 'copy', '--to', 'away', '--json']);
    const { actionId, figures, findings } = JSON.parse(ran.stdout) as RunRecord;
    expect([ran.status, actionId, findings]).toEqual([0, 'policy/orders/copy/away', []]);
    // Daily retention rules the copies, too: of the two of this day it keeps the newer one, which is now there.
    expect(figures as CopyFigures).toMatchObject({ kind: 'copy', snapshotsCopied: 1, snapshotsPresent: 1 });

    const status = await project.holdfast(['status']);
    expect([status.status, status.stdout]).toEqual([
      0,
      expect.stringMatching(/copy +away +good .* its newest snapshot/),
    ]);
    const unknown = await project.holdfast(['run', 'orders', 'copy', '--to', 'main']);
    expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('policy/orders/copy/away')]);

    await rm(join(project.directory, 'vault', 'away'), { recursive: true });
    expect((await project.holdfast(['run', 'orders', 'copy'])).status).toBe(10);
  },
  180_000,
);
