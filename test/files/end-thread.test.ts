/** Interrupting worker threads at any moment: the process lives on, and the threads are gone. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archive } from '../../repository/archive.ts';
import { endThread } from '../../files/end-thread.ts';
import { initRepository } from '../../repository/init-repository.ts';
import { openLocalStorage } from '../../storage/local.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-end-thread-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a backup of many small files', () => {
  it('can be interrupted at any moment: threads in the middle of compression do not take the process down', async () => {
    const source = path.join(folder, 'source');
    await mkdir(source);
    for (let index = 0; index < 1500; index++) await writeFile(path.join(source, `${index}`), `${index} `.repeat(300));
    const repository = await initRepository(openLocalStorage(path.join(folder, 'vault')), 'password', {
      kdf: { N: 1024, r: 8, p: 1 },
    });
    const settings = { exclude: [], excludeIfPresent: [], excludeCaches: false, oneFileSystem: false };
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): number => warnings.push(message);
    process.on('warning', onWarning);
    for (let delay = 40; delay <= 280; delay += 24) {
      const signal = AbortSignal.timeout(delay);
      const request = { source: { directories: [source], ...settings }, hostname: 'test', tags: [], time: new Date() };
      await archive(repository, { ...request, parent: 'none', signal }).catch((error: unknown) => {
        expect(error).toMatchObject({ code: 'Interrupted' });
      });
    }
    await repository.close();
    process.off('warning', onWarning);
    // Each of the many jobs that fail may end the pool, and a thread is listened to once.
    expect(warnings).toEqual([]);
  });
});

describe('endThread', () => {
  it('waits until the thread has closed its port', async () => {
    const thread = new Worker(
      "const { parentPort } = require('node:worker_threads'); parentPort.on('message', () => parentPort.close());",
      { eval: true },
    );
    await endThread(thread, 'end');
    expect(thread.threadId).toBe(-1);
    await endThread(thread, 'end');
  });

  it('waits for a thread that is at work, and kills none: what it has in its hands it finishes', async () => {
    const busy = `
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', () => parentPort.close());
      parentPort.postMessage('begun');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
      parentPort.postMessage('finished');`;
    const thread = new Worker(busy, { eval: true });
    const said: unknown[] = [];
    const codes: number[] = [];
    thread.on('exit', (code) => codes.push(code));
    await new Promise<void>((begun) => {
      thread.on('message', (word) => {
        said.push(word);
        begun();
      });
    });
    await endThread(thread, 'end');
    expect([said, codes]).toEqual([['begun', 'finished'], [0]]);
  });
});
