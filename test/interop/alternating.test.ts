import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Snapshot } from '../../domain/snapshot.ts';
import { describeTree, noise } from '../repository/odd-tree.ts';
import {
  createWorkplace,
  dataBlobsOf,
  expectRestores,
  fillVault,
  keyIdsOf,
  snapshotsOf,
  writePassword,
  type FilledVault,
  type Workplace,
} from './interop-fixture.ts';
import { holdfast, peerPrograms, type BackupProgram, type Vault } from './programs.ts';

/** Many processes, each of which opens a key. */
const PATIENCE = 300_000;

for (const { peer, title, open } of await peerPrograms()) {
  peer.describe(`holdfast and ${title} take turns with one repository:`, () => {
    let place: Workplace;
    let ours: BackupProgram;
    let theirs: BackupProgram;
    let filled: FilledVault;

    beforeAll(async () => {
      place = createWorkplace();
      const scratch = path.join(place.folder, 'scratch');
      [ours, theirs] = [holdfast(scratch), open(scratch)];
      filled = await fillVault(place, ours);
    });
    afterAll(() => place[Symbol.dispose]());

    peer.it(
      'backup: each finds the other’s snapshot as parent, stores only what changed, and both restore all',
      async () => {
        const vault = place.copyOf(filled.vault);
        const made: { writer: BackupProgram; state: string[] }[] = [];
        for (const [round, writer] of [theirs, ours, theirs, ours].entries()) {
          const before = await dataBlobsOf(vault);
          writeFileSync(path.join(place.source, `round-${round}`), noise(700_000, `round ${round}`));
          appendFileSync(path.join(place.source, 'small'), `round ${round}\n`);
          await writer.backup(vault, place.source);
          made.push({ writer, state: describeTree(place.source) });
          const added = (await dataBlobsOf(vault)).length - before.length;
          // A new file of two chunks at most, and one that grew.
          expect(added).toBeGreaterThanOrEqual(2);
          expect(added).toBeLessThanOrEqual(3);
        }
        const snapshots = await snapshotsOf(vault);
        for (let index = 1; index < snapshots.length; index++) {
          expect(snapshots[index]!.parent).toBe(snapshots[index - 1]!.id);
        }
        for (const program of [ours, theirs]) {
          await program.check(vault);
          for (const [index, { writer, state }] of made.entries()) {
            await expectRestores(program, place, { vault, id: snapshots[index + 2]!.id, state, writer });
          }
        }
        for (let round = 0; round < 4; round++) rmSync(path.join(place.source, `round-${round}`));
      },
      PATIENCE,
    );

    peer.it(
      'forget and prune: what one thins out and packs anew, the other checks, fills and packs anew',
      async () => {
        const vault = place.copyOf(filled.vault);
        let blobs = Infinity;
        for (const [round, [pruner, checker]] of [
          [ours, theirs],
          [theirs, ours],
          [ours, theirs],
        ].entries()) {
          const passing = path.join(place.source, 'passing');
          writeFileSync(passing, noise(1_200_000, `passing ${round}`));
          await checker!.backup(vault, place.source);
          rmSync(passing);
          await pruner!.backup(vault, place.source);
          const state = describeTree(place.source);
          const snapshots = await snapshotsOf(vault);
          await pruner!.forget(
            vault,
            snapshots.slice(0, -1).map(({ id }) => id),
          );
          await pruner!.prune(vault);
          await checker!.check(vault);
          await pruner!.check(vault);
          const left = await dataBlobsOf(vault);
          expect(left.length).toBeLessThanOrEqual(blobs);
          blobs = left.length;
          const last = { vault, id: snapshots.at(-1)!.id, state, writer: pruner! };
          await expectRestores(checker!, place, last);
        }
      },
      PATIENCE,
    );

    peer.it(
      'key: each opens with what the other added, and not with what the other removed',
      async () => {
        const vault = place.copyOf(filled.vault);
        let current: Vault = vault;
        for (const [round, [giver, taker]] of [
          [ours, theirs],
          [theirs, ours],
        ].entries()) {
          const [old] = keyIdsOf(vault);
          const next = { ...vault, passwordFile: writePassword(place, `round ${round}`) };
          await giver!.addKey(current, next.passwordFile);
          await taker!.removeKey(next, old!);
          expect(keyIdsOf(vault)).toHaveLength(1);
          await expect(giver!.check(current)).rejects.toThrow(/^Command failed/);
          await giver!.check(next);
          current = next;
        }
      },
      PATIENCE,
    );

    peer.it(
      'copy: a copy by one, copied by the other, has the same trees and restores the same',
      async () => {
        const [first, second] = [place.freshVault(), place.freshVault()];
        await theirs.copyAnew(filled.vault, first);
        await ours.copyAnew(first, second);
        const [source, copies] = [await snapshotsOf(filled.vault), await snapshotsOf(second)];
        expect(copies.map(describeSnapshot)).toEqual(source.map(describeSnapshot));
        expect(await dataBlobsOf(second)).toEqual(await dataBlobsOf(filled.vault));
        await theirs.check(second);
        for (const program of [ours, theirs]) {
          const snapshot = { vault: second, id: copies[0]!.id, state: filled.states[0], writer: ours };
          await expectRestores(program, place, snapshot);
        }
      },
      PATIENCE,
    );
  });
}

/** What a copy keeps; rustic writes the same moment in another way. */
function describeSnapshot({ tree, time, hostname, paths }: Snapshot) {
  return { tree, moment: Date.parse(time), hostname, paths };
}
