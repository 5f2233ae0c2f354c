import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { guarded } from '../../storage/guarded.ts';
import type { Storage } from '../../storage/storage.ts';

/** Of which every call fails in its own way, and whose streams never end. */
function careless(): Storage {
  const fail = async (): Promise<never> => {
    throw new TypeError('fetch failed');
  };
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      // Else no timer of the test would ever fire.
      await nextTurn();
      yield Buffer.from('x');
    }
  }
  async function* names() {
    for (let name = 0; ; name++) {
      await nextTurn();
      yield { name: String(name), sizeBytes: 1, modifiedAt: new Date(0) };
    }
  }
  return {
    description: 'careless:',
    capabilities: { atomicWrites: true },
    list: names,
    read: fail,
    openRead: async () => Readable.from(endless(), { objectMode: false }),
    async write(_name, content) {
      for await (const _piece of content instanceof Uint8Array ? [content] : content);
    },
    remove: fail,
    stat: fail,
    async close() {},
  };
}

it('tells what an implementation throws as the contract does, and what it was', async () => {
  const storage = guarded(careless());
  for (const call of [storage.read('a'), storage.remove('a'), storage.stat('a')]) {
    await expect(call).rejects.toMatchObject({ code: 'StorageUnreachable', cause: { message: 'fetch failed' } });
  }
  await expect(storage.stat('a')).rejects.toThrow('could not look for a in careless:');
});

it.each(['../a', '/a', 'a//b', ''])('refuses the name %j before anything happens', async (name) => {
  const storage = guarded(careless());
  for (const act of [() => storage.read(name), () => storage.write(name, Buffer.of(1)), () => storage.stat(name)])
    await expect(async () => act()).rejects.toMatchObject({ code: 'Usage' });
});

it('ends an aborted call with the next piece or entry', async () => {
  const storage = guarded(careless());
  const signal = AbortSignal.timeout(20);
  const interrupted = { code: 'Interrupted' };
  const read = async (stream: AsyncIterable<unknown>): Promise<void> => {
    for await (const _piece of stream);
  };
  await expect(read(await storage.openRead('a', { signal }))).rejects.toMatchObject(interrupted);
  await expect(read(storage.list('', { signal: AbortSignal.timeout(20) }))).rejects.toMatchObject(interrupted);
  const endless = await storage.openRead('b');
  await expect(storage.write('a', endless, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject(interrupted);
  endless.destroy();
  await expect(storage.read('a', undefined, { signal })).rejects.toMatchObject(interrupted);
});
