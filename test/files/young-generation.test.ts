/** Flags of V8 while threads start: code that was compiled under others is not taken. */
import v8 from 'node:v8';
import { expect, it } from 'vitest';
import { keepYoungGeneration, startThread } from '../../files/young-generation.ts';

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
  startThread('', { eval: true });
  expect(v8.cachedDataVersionTag()).toBe(own);
});
