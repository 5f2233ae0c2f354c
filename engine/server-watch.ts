/** Watches the embedded server while this process uses it, and has it started again when something killed it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HoldfastError, InterruptedError } from '../common/errors.ts';
import { isAlive } from './process-identity.ts';
import type { RunningServer } from './server-state.ts';

const LOOK_MS = 1000;

export interface ServerWatch {
  /** Rejects with EngineUnreachable when the server is gone for good; otherwise never ends. */
  readonly lost: Promise<never>;
  /** Ends the watch; call it before the server is stopped on purpose. */
  stop(): Promise<void>;
}

/**
 * Workers and clients find the server again only where it was, so that `revive` must bring it back to the same port.
 * Without a watch a `start` that stays would go on saying that actions run when due, and none would.
 */
export function watchServer(
  first: RunningServer,
  revive: (signal: AbortSignal) => Promise<RunningServer>,
): ServerWatch {
  const stopping = new AbortController();
  const { promise: lost, reject } = Promise.withResolvers<never>();
  lost.catch(() => {});
  const watching = watch(first, revive, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) reject(error);
  });
  return {
    lost,
    async stop() {
      stopping.abort(new InterruptedError('the watch of the engine has ended'));
      await watching;
    },
  };
}

async function watch(
  first: RunningServer,
  revive: (signal: AbortSignal) => Promise<RunningServer>,
  signal: AbortSignal,
): Promise<void> {
  let running = first;
  for (;;) {
    await sleep(LOOK_MS, undefined, { signal, ref: false });
    if (await isAlive(running.process)) continue;
    running = await revive(signal);
    if (running.port !== first.port)
      throw new HoldfastError('EngineUnreachable', 'the embedded Temporal server ended, and came back elsewhere', {
        hint: 'start again: runs go on where they were',
      });
  }
}
