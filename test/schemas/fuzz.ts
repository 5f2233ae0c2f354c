/**
 * Fuzzes the loader: damages policy files at random and checks each folder of them, in two threads.
 *
 *     node test/schemas/fuzz.ts [--files 100000] [--seed 20261130]
 *
 * What fails is made as small as possible, and its files are saved. Equal seeds make equal files.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { checkDamaged } from './check-damaged.ts';
import { type DamagedFolder, damagedFolder } from './damaged-files.ts';

const THREADS = 2;
/** Folders of one seed: a thread begins with the next seed after them. */
const FOLDERS = 1000;
/** Wall clock, for one folder: what takes longer hangs. */
const LONGEST_MS = 60_000;

interface Done {
  files: number;
  folders: number;
  slowestSeconds: number;
  slowest: DamagedFolder['files'];
  codes: Record<string, number>;
  right: number;
}

type Message =
  | { begins: DamagedFolder['files'] }
  | { done: Done }
  | { failed: { seed: number; error: string; files: DamagedFolder['files'] } };

/** Checks folders of one seed after the other until it is stopped. */
async function work({ seed: first }: { seed: number }): Promise<void> {
  const send = (message: Message): void => parentPort!.postMessage(message);
  for (let seed = first; ; seed += THREADS) {
    const done: Done = { files: 0, folders: 0, slowestSeconds: 0, slowest: {}, codes: {}, right: 0 };
    const property = fc.asyncProperty(damagedFolder, async (folder) => {
      send({ begins: folder.files });
      const { seconds, codes } = await checkDamaged(folder);
      done.files += folder.damaged;
      done.folders++;
      if (seconds > done.slowestSeconds) Object.assign(done, { slowestSeconds: seconds, slowest: folder.files });
      if (codes.length === 0) done.right++;
      for (const code of codes) done.codes[code] = (done.codes[code] ?? 0) + 1;
    });
    const { failed, counterexample, errorInstance } = await fc.check(property, { seed, numRuns: FOLDERS });
    if (failed) {
      const { stack } = errorInstance as Error;
      return send({ failed: { seed, error: stack ?? String(errorInstance), files: counterexample![0].files } });
    }
    send({ done });
  }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function save(files: DamagedFolder['files']): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-fuzz-'));
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return folder;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { files: { type: 'string', default: '100000' }, seed: { type: 'string', default: '20261130' } },
  });
  const [wanted, seed] = [Number(values.files), Number(values.seed)];
  const started = performance.now();
  say(`${wanted} damaged files, seed ${seed}, ${THREADS} threads`);
  const total: Done = { files: 0, folders: 0, slowestSeconds: 0, slowest: {}, codes: {}, right: 0 };
  await new Promise<void>((resolve) => {
    const workers = Array.from({ length: THREADS }, (_, index) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { seed: seed + index } });
      let begun: DamagedFolder['files'] = {};
      const fail = (error: string): void => {
        say(`${error}\nits files are in ${save(begun)}`);
        process.exitCode = 1;
        resolve();
      };
      const hangs = (): void => fail('it hangs');
      let timer: NodeJS.Timeout | undefined;
      worker.on('error', (error) => fail(String(error)));
      worker.on('message', (message: Message) => {
        clearTimeout(timer);
        timer = setTimeout(hangs, LONGEST_MS);
        if ('begins' in message) begun = message.begins;
        else if ('failed' in message) {
          begun = message.failed.files;
          fail(`seed ${message.failed.seed}: ${message.failed.error}`);
        } else {
          const { done } = message;
          total.files += done.files;
          total.folders += done.folders;
          total.right += done.right;
          if (done.slowestSeconds > total.slowestSeconds)
            Object.assign(total, { slowestSeconds: done.slowestSeconds, slowest: done.slowest });
          for (const [code, count] of Object.entries(done.codes)) total.codes[code] = (total.codes[code] ?? 0) + count;
          if (total.files >= wanted) resolve();
        }
      });
      // What it says after that would begin the wait for its next word.
      const stop = (): Promise<number> => {
        worker.removeAllListeners('message');
        clearTimeout(timer);
        return worker.terminate();
      };
      return { stop };
    });
    stopAll = () => workers.forEach(({ stop }) => void stop());
  });
  stopAll();
  const seconds = (performance.now() - started) / 1000;
  say(
    `${total.files} damaged files in ${total.folders} folders, ${total.right} of them right all the same, in ${seconds.toFixed(0)} s`,
  );
  say(`the slowest took ${total.slowestSeconds.toFixed(3)} s of the processor: ${save(total.slowest)}`);
  const codes = Object.entries(total.codes).sort(([, a], [, b]) => b - a);
  say(`${codes.length} kinds of problems: ${codes.map(([code, count]) => `${code} ${count}`).join(', ')}`);
}

let stopAll = (): void => undefined;

if (isMainThread) await main();
else await work(workerData as { seed: number });
