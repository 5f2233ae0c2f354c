/** What the benchmark counts as a server's: its own processor time, and that of sessions which have ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { measureServer } from '../../bench/server-cost.ts';
import { descendantsOf } from '../servers/spawn-server.ts';

/** A session is a process of its own that takes 0.3 s of a processor. */
const SESSION = `while (process.cpuUsage().user < 300_000);`;
const SERVER = `
  process.on('SIGUSR2', () => require('node:child_process').spawn(process.execPath, ['--eval', ${JSON.stringify(SESSION)}]));
  setInterval(() => {}, 60_000);
  console.log('ready')`;

describe('the cost of a server', () => {
  let server: ReturnType<typeof start>;
  const start = () => spawn(process.execPath, ['--eval', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });

  beforeEach(async () => {
    server = start();
    await once(server.stdout, 'data');
  });
  afterEach(() => void server.kill('SIGKILL'));

  it('waits for the session of a program that has ended, and counts it', () => {
    const pid = server.pid!;
    const { result, seconds } = measureServer(pid, () => {
      process.kill(pid, 'SIGUSR2');
      while (descendantsOf(pid).length === 0);
      return 'done';
    });
    expect(result).toBe('done');
    expect(descendantsOf(pid)).toEqual([]);
    expect(seconds).toBeGreaterThanOrEqual(0.28);
  });

  it('counts nothing of what it did before', () => {
    const pid = server.pid!;
    measureServer(pid, () => {
      process.kill(pid, 'SIGUSR2');
      while (descendantsOf(pid).length === 0);
    });
    expect(measureServer(pid, () => undefined).seconds).toBeLessThan(0.28);
  });
});
