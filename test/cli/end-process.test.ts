import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { CLI } from './run-cli.ts';

const END = new URL('../../cli/end-process.ts', import.meta.url).href;

/** Runs code in a process of its own, with `endProcess` in reach. */
function runScript(code: string): { status: number | null; stdout: string } {
  const script = `import { endProcess } from ${JSON.stringify(END)};\n${code}`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return { status, stdout };
}

test('the process ends with its status after the listeners of exit, whatever else goes on', () => {
  const code = `
    import { Worker } from 'node:worker_threads';
    process.on('exit', (status) => console.log('ends with', status));
    const busy = new Worker('for (;;);', { eval: true });
    busy.once('online', () => endProcess(7));`;
  expect(runScript(code)).toEqual({ status: 7, stdout: 'ends with 7\n' });
});

test.runIf(process.platform === 'linux')('pipes are left blocking, as they were given', () => {
  // The flags of the pipe, read by the shell's other end of it when the command has ended.
  const script = `( "$0" "$1" version >&3; grep flags /proc/self/fdinfo/3 ) 3>&1 | tail -1`;
  const { stdout } = spawnSync('bash', ['-c', script, process.execPath, CLI], { encoding: 'utf8' });
  const flags = Number.parseInt(/flags:\s*([0-7]+)/.exec(stdout)![1]!, 8);
  expect(flags & 0o4000).toBe(0);
});
