import path from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  createWorkplace,
  dataBlobsOf,
  expectRestores,
  fillVault,
  keyIdsOf,
  snapshotOf,
  snapshotsOf,
  withRepository,
  writePassword,
  type FilledVault,
  type Workplace,
} from './interop-fixture.ts';
import { holdfast, peerPrograms, type BackupProgram } from './programs.ts';

/** Many processes, each of which opens a key. */
const PATIENCE = 300_000;

for (const { peer, title, open } of await peerPrograms()) {
  peer.describe(`holdfast writes, ${title} reads:`, () =>
    rows(peer.it, (scratch) => [holdfast(scratch), open(scratch)]),
  );
  peer.describe(`${title} writes, holdfast reads:`, () =>
    rows(peer.it, (scratch) => [open(scratch), holdfast(scratch)]),
  );
}

type It = (title: string, body: () => Promise<void>, timeoutMilliseconds?: number) => void;

function rows(it: It, openBoth: (scratch: string) => [BackupProgram, BackupProgram]): void {
  let place: Workplace;
  let writer: BackupProgram;
  let reader: BackupProgram;
  let filled: FilledVault;

  beforeAll(async () => {
    place = createWorkplace();
    [writer, reader] = openBoth(path.join(place.folder, 'scratch'));
    filled = await fillVault(place, writer);
  });
  afterAll(() => place[Symbol.dispose]());

  it(
    'init: the new repository is sound, and is filled',
    async () => {
      const vault = place.freshVault();
      await writer.init(vault);
      await reader.check(vault);
      expect(await snapshotsOf(vault)).toEqual([]);
      await reader.backup(vault, place.source);
      await writer.check(vault);
    },
    PATIENCE,
  );

  it(
    'backup: the next one finds its parent, and adds nothing',
    async () => {
      const vault = place.copyOf(filled.vault);
      const before = await dataBlobsOf(vault);
      await reader.backup(vault, place.source);
      const [, second, third] = await snapshotsOf(vault);
      expect(third).toMatchObject({ parent: second!.id, hostname: second!.hostname, paths: second!.paths });
      expect(await dataBlobsOf(vault)).toEqual(before);
    },
    PATIENCE,
  );

  it(
    'restore: every byte and all metadata of both snapshots come back',
    async () => {
      for (const number of [0, 1] as const) await expectRestores(reader, place, snapshotOf(filled, number));
    },
    PATIENCE,
  );

  it(
    'check: all data is sound, and damage is found',
    async () => {
      await reader.check(filled.vault);
      const vault = place.copyOf(filled.vault);
      await withRepository(vault, async (repository) => {
        const { id } = [...repository.indexedPacks()].find((pack) => pack.blobs.length > 1)!;
        const name = `data/${id.slice(0, 2)}/${id}`;
        const pack = Buffer.from(await repository.storage.read(name));
        pack[pack.length >> 1]! ^= 1;
        await repository.storage.write(name, pack);
      });
      await expect(reader.check(vault)).rejects.toThrow(/^Command failed/);
    },
    PATIENCE,
  );

  it(
    'forget: the snapshot is gone for both, the other one is restored',
    async () => {
      const vault = place.copyOf(filled.vault);
      await reader.forget(vault, [filled.ids[0]]);
      expect((await snapshotsOf(vault)).map(({ id }) => id)).toEqual([filled.ids[1]]);
      await writer.check(vault);
      await expectRestores(writer, place, snapshotOf(filled, 1, vault));
    },
    PATIENCE,
  );

  it(
    'prune: what only the forgotten snapshot had is gone, the rest is restored',
    async () => {
      const vault = place.copyOf(filled.vault);
      const before = await dataBlobsOf(vault);
      await writer.forget(vault, [filled.ids[0]]);
      await reader.prune(vault);
      const after = await dataBlobsOf(vault);
      expect(after.length).toBeLessThan(before.length);
      await writer.check(vault);
      await expectRestores(writer, place, snapshotOf(filled, 1, vault));
    },
    PATIENCE,
  );

  it(
    'key: one that the reader adds opens for the writer, and one that the writer adds for the reader',
    async () => {
      const vault = place.copyOf(filled.vault);
      const [old] = keyIdsOf(vault);
      const [theirs, ours] = ['second', 'third'].map((password) => ({
        ...vault,
        passwordFile: writePassword(place, password),
      }));
      await reader.addKey(vault, theirs!.passwordFile);
      await writer.check(theirs!);
      await writer.addKey(theirs!, ours!.passwordFile);
      await reader.check(ours!);
      await reader.removeKey(ours!, old!);
      await expect(writer.check(vault)).rejects.toThrow(/^Command failed/);
      await writer.check(ours!);
    },
    PATIENCE,
  );

  it(
    'copy: the reader copies all snapshots into a repository of its own, where both restore them',
    async () => {
      const vault = place.freshVault();
      await reader.copyAnew(filled.vault, vault);
      const copies = await snapshotsOf(vault);
      expect(copies.map(({ tree }) => tree)).toEqual((await snapshotsOf(filled.vault)).map(({ tree }) => tree));
      await writer.check(vault);
      for (const program of [writer, reader]) {
        await expectRestores(program, place, { ...snapshotOf(filled, 1, vault), id: copies[1]!.id });
      }
    },
    PATIENCE,
  );
}
