/** Asking V8's collector, in a process of its own: a heap of tests is not small. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

const MODULE = new URL('../../files/collector.ts', import.meta.url).href;

/** What a process prints that has `heap`, `used()` in MiB and `fill(MiB)`, which makes objects and returns them. */
function run(code: string): number[] {
  const program = `
    import v8 from 'node:v8';
    import { SmallHeap } from '${MODULE}';
    const heap = new SmallHeap();
    const used = () => v8.getHeapStatistics().used_heap_size / 2 ** 20;
    const fill = (MiB) => Array.from({ length: MiB * 8 }, () => new Array(16 * 1024).fill(0));
    const told = [];
    ${code}
    console.log(JSON.stringify(told));`;
  const args = ['--input-type=module', '--eval', program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as number[];
}

it('gives back what a small heap does not need, first all, then when it has grown by much', () => {
  const [full = 0, shrunk = 0, little = 0, looked = 0, much = 0, again = 0] = run(`
    let garbage = fill(20);
    told.push(used());
    garbage = undefined;
    heap.keep();
    told.push(used());
    garbage = fill(4);
    garbage = undefined;
    told.push(used());
    heap.keep();
    told.push(used());
    garbage = fill(16);
    garbage = undefined;
    told.push(used());
    heap.keep();
    told.push(used());`);
  expect(full - shrunk).toBeGreaterThan(18);
  expect(looked).toBeCloseTo(little, 0);
  expect(much - again).toBeGreaterThan(15);
});

it('leaves a large heap as it is', () => {
  const [before = 0, after = 0] = run(`
    const needed = fill(50);
    let garbage = fill(20);
    garbage = undefined;
    told.push(used());
    heap.keep();
    told.push(used());
    if (needed.length === 0) throw new Error('it was needed');`);
  expect(before).toBeGreaterThan(64);
  expect(after).toBeCloseTo(before, 0);
});
