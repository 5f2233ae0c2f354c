/** A program's output as a stream to back up, which ends well only when the program does. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { HoldfastError } from '../common/errors.ts';
import type { CliContext } from './command.ts';
import { displayText } from './display.ts';

export interface CommandOutput {
  /** The program starts when this is first read. Throws Unexpected when it cannot be started or fails. */
  content: AsyncIterable<Uint8Array>;
  /** Ends the program if it still runs. */
  stop(): void;
}

/** What the program says on stderr is passed on. It gets nothing on stdin, and not the repository's password. */
export function openCommandOutput(context: CliContext, [program = '', ...args]: string[]): CommandOutput {
  const stopping = new AbortController();
  return {
    content: run(context, program, args, AbortSignal.any([context.signal, stopping.signal])),
    stop: () => stopping.abort(),
  };
}

async function* run(
  { directory, environment, output }: CliContext,
  program: string,
  args: string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { HOLDFAST_PASSWORD: _, HOLDFAST_FROM_PASSWORD: __, ...passedOn } = environment;
  const child = spawn(program, args, {
    cwd: directory,
    env: passedOn as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const { promise: ended, resolve, reject } = Promise.withResolvers<string | undefined>();
  child.on('error', (error: NodeJS.ErrnoException) => reject(cannotStart(program, error)));
  child.on('close', (code, killedBy) =>
    resolve(code === 0 ? undefined : killedBy === null ? `ended with exit status ${code}` : `was ended by ${killedBy}`),
  );
  // Whoever stops reading early does not ask how it ended.
  ended.catch(() => undefined);
  createInterface({ input: child.stderr }).on('line', (line) => output.note(`${program}: ${displayText(line)}`));
  yield* child.stdout as AsyncIterable<Uint8Array>;
  const failure = await ended;
  if (failure === undefined) return;
  throw new HoldfastError('Unexpected', `the program ${program} ${failure}: no snapshot is made of what it said`, {
    hint: 'run it by hand, and see what it says',
  });
}

function cannotStart(program: string, error: NodeJS.ErrnoException): HoldfastError {
  const reason = error.code === 'ENOENT' ? 'does not exist' : `cannot be started (${error.code ?? error.message})`;
  return new HoldfastError('Unexpected', `the program ${program} ${reason}`, {
    hint: 'give its absolute path, or install it',
    cause: error,
  });
}
