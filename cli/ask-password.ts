/** Asks for a password on the terminal, showing nothing of what is typed. */
import { InterruptedError } from '../common/errors.ts';

const ENTER = new Set(['\r', '\n']);
const BACKSPACE = new Set(['\x7f', '\b']);
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const CTRL_U = '\x15';

/** Needs a terminal at stdin (`CliContext.interactive`). Throws InterruptedError at Ctrl-C and when the signal fires. */
export async function askPassword(prompt: string, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = process;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let typed: string[] = [];
  const onAbort = (): void => reject(new InterruptedError());
  const onData = (chunk: string): void => {
    // A raw terminal sends each key as it is; a pasted password comes as one chunk.
    for (const key of chunk) {
      if (ENTER.has(key) || (key === CTRL_D && typed.length === 0)) resolve(typed.join(''));
      else if (key === CTRL_C) reject(new InterruptedError());
      else if (key === CTRL_U) typed = [];
      else if (BACKSPACE.has(key)) typed.pop();
      else if (key >= ' ') typed.push(key);
    }
  };
  stdin.setEncoding('utf8');
  stdin.on('data', onData);
  signal.addEventListener('abort', onAbort, { once: true });
  // Asked only when nothing that is typed shows any more: somebody may answer at once.
  stdin.setRawMode(true);
  stderr.write(prompt);
  try {
    return await promise;
  } finally {
    stdin.off('data', onData);
    signal.removeEventListener('abort', onAbort);
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
