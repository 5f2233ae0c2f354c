/** Secrets: turns a reference of a policy into its value, at use, and never lets the value into an error. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { SecretReference } from '../domain/action.ts';
import type { Environment } from './command.ts';

export interface SecretSources {
  environment: Environment;
  /** Relative files are looked up below it: the worker's secrets folder; embedded, the policy folder. */
  baseDirectory: string;
  /** Programs run only where the operator allowed it. */
  allowCommands: boolean;
  signal?: AbortSignal;
}

/** A secret program that takes longer than this hangs: it waits for someone who is not there. */
const COMMAND_TIMEOUT_MS = 60_000;
const LARGEST_SECRET_BYTES = 1024 * 1024;

/**
 * The value of a reference, with one trailing newline removed. Throws NotFound (nothing there), AccessDenied (not
 * readable, or programs not allowed), Usage (empty): the message names the reference, never the value.
 */
export async function resolveSecret(reference: SecretReference, sources: SecretSources): Promise<string> {
  throwIfAborted(sources.signal);
  const value = await readReference(reference, sources);
  if (value === '')
    throw new HoldfastError('Usage', `the secret from ${describeSecret(reference)} is empty`, {
      hint: 'put the secret there',
    });
  return value;
}

/** How messages name a reference: `environment variable X`, `file Y`, `program Z` (without its arguments, which may be telling). */
export function describeSecret(reference: SecretReference): string {
  if ('env' in reference) return `the environment variable ${reference.env}`;
  if ('file' in reference) return `the file ${reference.file}`;
  return `the program ${reference.command[0]}`;
}

async function readReference(reference: SecretReference, sources: SecretSources): Promise<string> {
  if ('env' in reference) return readEnvironment(reference.env, sources.environment);
  if ('file' in reference) return readSecretFile(resolve(sources.baseDirectory, reference.file));
  if (!sources.allowCommands)
    throw new HoldfastError('AccessDenied', `${describeSecret(reference)} may not run here to hand out a secret`, {
      hint: 'start the worker with --allow-commands, or take the secret from {env: NAME} or {file: PATH}',
    });
  return readFromProgram(reference.command, sources);
}

function readEnvironment(name: string, environment: Environment): string {
  const value = environment[name];
  if (value === undefined)
    throw new HoldfastError('NotFound', `the environment variable ${name}, which holds a secret, is not set`, {
      hint: `set ${name} where holdfast runs`,
    });
  return stripNewline(value);
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return stripNewline(await readFile(path, 'utf8'));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === 'EACCES' || reason === 'EPERM')
      throw new HoldfastError('AccessDenied', `the secret file ${path} may not be read`, {
        hint: 'run as its owner, or give this account the right to read it',
        cause: error,
      });
    if (reason === 'ENOENT' || reason === 'ENOTDIR')
      throw new HoldfastError('NotFound', `the secret file ${path} does not exist`, {
        hint: 'create it, readable by this account alone, or correct the reference',
        cause: error,
      });
    throw new HoldfastError('NotFound', `the secret file ${path} cannot be read (${reason ?? 'unknown reason'})`, {
      hint: 'give the path of a plain file',
      cause: error,
    });
  }
}

async function readFromProgram([program = '', ...args]: string[], sources: SecretSources): Promise<string> {
  const options = {
    cwd: sources.baseDirectory,
    env: sources.environment as NodeJS.ProcessEnv,
    timeout: COMMAND_TIMEOUT_MS,
    maxBuffer: LARGEST_SECRET_BYTES,
    ...(sources.signal === undefined ? {} : { signal: sources.signal }),
  };
  const { promise, resolve: done, reject } = Promise.withResolvers<string>();
  execFile(program, args, options, (error, stdout) => {
    // Neither what it printed nor the command line goes into the error: both may hold the secret.
    if (error === null) done(stripNewline(stdout));
    else reject(programError(program, error));
  });
  try {
    return await promise;
  } catch (error) {
    throwIfAborted(sources.signal);
    throw error;
  }
}

function programError(program: string, error: { code?: unknown; signal?: unknown; killed?: boolean }): HoldfastError {
  if (error.code === 'ENOENT')
    return new HoldfastError('NotFound', `the secret program ${program} does not exist`, {
      hint: 'give its absolute path, or install it where holdfast runs',
    });
  const how = error.killed
    ? `did not end within ${COMMAND_TIMEOUT_MS / 1000} seconds`
    : `ended with ${typeof error.code === 'number' ? `status ${error.code}` : String(error.code ?? error.signal)}`;
  return new HoldfastError('AccessDenied', `the secret program ${program} ${how}`, {
    hint: 'run it by hand as the account holdfast runs as, and see what it says',
  });
}

function stripNewline(text: string): string {
  if (text.endsWith('\r\n')) return text.slice(0, -2);
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
