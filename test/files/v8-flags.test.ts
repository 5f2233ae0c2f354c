/** Flags of V8 while threads start and code is loaded: what was compiled under others is not taken. */
import v8 from 'node:v8';
import { expect, it } from 'vitest';
import { keepYoungGeneration, startThread, whileLoading } from '../../files/v8-flags.ts';
import { madeGarbage } from '../../storage/young-garbage.ts';

const SPEAKS = "require('node:worker_threads').parentPort.postMessage('begun'); setTimeout(() => {}, 1000);";

it('a thread that starts finds the flags of before, until it has said something or ended', async () => {
  const own = v8.cachedDataVersionTag();
  keepYoungGeneration();
  const kept = v8.cachedDataVersionTag();
  expect(kept).not.toBe(own);
  const [speaking, silent] = [SPEAKS, ''].map((code) => startThread(code, { eval: true }));
  expect(v8.cachedDataVersionTag()).toBe(own);
  const ended = new Promise((resolve) => silent!.once('exit', resolve));
  const spoken = new Promise((resolve) => speaking!.once('message', resolve));
  await Promise.all([ended, spoken]);
  expect(v8.cachedDataVersionTag()).toBe(kept);
  // Its end is no second start.
  await new Promise((resolve) => speaking!.once('exit', resolve));
  const another = startThread('', { eval: true });
  expect(v8.cachedDataVersionTag()).toBe(own);
  await new Promise((resolve) => another.once('exit', resolve));
});

it('code that is loaded finds the flags of before, also where loading fails', async () => {
  const kept = v8.cachedDataVersionTag();
  let inside = kept;
  const loaded = whileLoading(async () => {
    inside = v8.cachedDataVersionTag();
    await Promise.reject(new Error('not there'));
  });
  expect(inside).not.toBe(kept);
  await expect(loaded).rejects.toThrow('not there');
  expect(v8.cachedDataVersionTag()).toBe(kept);
});

it('what finds the collector leaves the flags as they were', () => {
  const kept = v8.cachedDataVersionTag();
  madeGarbage(64 * 1024 * 1024);
  expect(v8.cachedDataVersionTag()).toBe(kept);
});
