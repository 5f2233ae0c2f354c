import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import { APPLY_LEASE_ID, withApplyLease, type LeaseHolder, type LeaseOptions } from '../../engine/apply-lease.ts';
import { identifyProcess } from '../../engine/process-identity.ts';
import { requirePeer } from '../peers.ts';
import { THIS_HOST } from './engine-fixture.ts';
import { useServer } from './use-server.ts';

const temporal = requirePeer('temporal');

temporal.describe('The lease of an apply', () => {
  const engine = useServer('apply-lease', temporal);

  function apply<Result>(by: string, work: (signal: AbortSignal) => Promise<Result>, more: Partial<LeaseOptions> = {}) {
    const options = { by, waitSeconds: 30, signal: new AbortController().signal, ...more };
    return withApplyLease(engine.connection, engine.server.engine.namespace, options, work);
  }

  /** As a process that was killed leaves it. */
  async function leaveBehind(holder: Partial<LeaseHolder>): Promise<void> {
    await engine.client.workflow.start('apply', {
      workflowId: APPLY_LEASE_ID,
      taskQueue: 'holdfast-apply',
      memo: { holder: { by: 'bob@app-02', since: '2026-11-30T08:00:00Z', ...holder } },
    });
  }

  const handle = () => engine.client.workflow.getHandle(APPLY_LEASE_ID);

  temporal.it('lets one work at a time, in which every other waits, and leaves nothing behind', async () => {
    const said: string[] = [];
    const work = (name: string, milliseconds: number) => async () => {
      said.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      said.push(`${name} ends`);
    };
    const first = apply('alice@app-01', work('first', 2500));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const onWait = (holder: string) => said.push(`waits for ${holder.slice(0, 'alice@app-01, since 20'.length)}`);
    await Promise.all([
      first,
      apply('bob@app-02', work('second', 100), { onWait }),
      apply('carol@app-03', work('third', 100)),
    ]);
    expect(said.slice(0, 3)).toEqual(['first begins', 'waits for alice@app-01, since 20', 'first ends']);
    expect([said[3]!.split(' ')[0], said[5]!.split(' ')[0]]).toEqual([said[4]!.split(' ')[0], said[6]!.split(' ')[0]]);
    expect((await handle().describe()).status.name).toBe('COMPLETED');
    expect(await handle().result()).toBe('the apply is done');
  });

  temporal.it('is refused after the wait, naming who has it', async () => {
    await leaveBehind({ host: 'app-02' });
    const refused = apply('alice@app-01', async () => 'applied', { waitSeconds: 1 });
    await expect(refused).rejects.toMatchObject({
      code: 'GuardRefused',
      message: 'another apply is under way (bob@app-02, since 2026-11-30T08:00:00Z), nothing was applied',
    });
    await handle().terminate();
  });

  temporal.it('is taken over at once from a process of this machine that is dead', async () => {
    const child = spawn('sleep', ['60']);
    const process = (await identifyProcess(child.pid!))!;
    child.kill('SIGKILL');
    await once(child, 'exit');
    await leaveBehind({ host: THIS_HOST, process });
    expect(await apply('alice@app-01', async () => 'applied', { waitSeconds: 5 })).toBe('applied');
  });

  temporal.it(
    'is taken over from one elsewhere that does not renew it, and not from one that does; who lost it stops',
    async () => {
      await leaveBehind({ host: 'app-02' });
      const started = performance.now();
      let reached = 0;
      const taken = apply(
        'alice@app-01',
        async (signal) => {
          reached = performance.now() - started;
          // Somebody else's from now on.
          await handle().terminate();
          await leaveBehind({ by: 'carol@app-03' });
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        },
        { waitSeconds: 60, expiresSeconds: 3 },
      );
      await expect(taken).rejects.toMatchObject({ code: 'EngineUnreachable' });
      expect(reached).toBeGreaterThan(2900);
      expect(await handle().describe()).toMatchObject({
        status: { name: 'RUNNING' },
        memo: { holder: { by: 'carol@app-03' } },
      });
      await handle().terminate();
    },
    30_000,
  );
});
