/** Ctrl-C: the first asks the work to stop and to leave everything in order, the second ends the process at once. */
import { InterruptedError } from '../common/errors.ts';
import { endProcess } from './end-process.ts';
import { ExitStatus } from './exit-status.ts';

/** The signal fires with an InterruptedError whose context names what came: SIGINT, SIGTERM or SIGHUP. */
export function listenForInterrupts(onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) {
        controller.abort(new InterruptedError('interrupted', { context: { signal: name } }));
        onFirst();
      } else if (name === 'SIGINT') endProcess(ExitStatus.interrupted);
    });
  }
  return controller.signal;
}
