import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { findParent } from '../../repository/find-parent.ts';
import { requirePeer } from '../peers.ts';
import { createArchiveFixture } from './archive-fixture.ts';
import { realRestic } from './real-restic.ts';

const MINUTE = 60_000;

describe('the parent of a backup', () => {
  const restic = requirePeer('restic');
  restic.it(
    'is the one that restic chooses: newest of the host with all the paths, and not from the future',
    async () => {
      using fixture = await createArchiveFixture();
      const [a, b, c] = ['a', 'b', 'c'].map((name) => path.join(fixture.source, name)) as [string, string, string];
      for (const folder of [a, b, c]) {
        mkdirSync(folder);
        writeFileSync(path.join(folder, 'file'), folder);
      }
      const made = [
        { directories: [a], hostname: 'app-01' },
        { directories: [b, a], hostname: 'app-01' },
        { directories: [a], hostname: 'app-02' },
        { directories: [b], hostname: 'app-01' },
        { directories: [a, b, c], hostname: 'app-03' },
      ];
      for (const [index, request] of made.entries()) {
        await fixture.archive({ ...request, time: new Date(Date.now() - (10 - index) * MINUTE) });
      }
      await fixture.archive({ directories: [a], hostname: 'app-01', time: new Date(Date.now() + 60 * MINUTE) });
      const peer = realRestic(restic.command, fixture.folder);
      const queries = [
        { paths: [a], hostname: 'app-01' },
        { paths: [a, b], hostname: 'app-01' },
        { paths: [b], hostname: 'app-01' },
        { paths: [c], hostname: 'app-01' },
        { paths: [c, a], hostname: 'app-03' },
        { paths: [a], hostname: 'app-02' },
        { paths: [b], hostname: 'app-02' },
      ];
      for (const query of queries) {
        const repository = await fixture.open();
        const ours = findParent(await repository.listSnapshots(), { ...query, tags: [], time: new Date() });
        await repository.close();
        const output = peer.run(['backup', '--json', '--host', query.hostname, ...query.paths]);
        const { snapshot_id: id } = JSON.parse(output.trim().split('\n').at(-1)!) as { snapshot_id: string };
        const theirs = JSON.parse(peer.run(['cat', 'snapshot', id])) as { parent?: string };
        expect({ query, parent: ours?.id }).toEqual({ query, parent: theirs.parent });
        peer.run(['forget', id]);
      }
    },
  );
});
