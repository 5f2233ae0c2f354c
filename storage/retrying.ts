/** A storage that tries again what failed in a way that may pass: for backends whose client does not do so itself. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, WriteOptions } from './storage.ts';

/**
 * Five tries with growing, random pauses: some seconds in all; Temporal has the minutes. Only retryable errors are tried
 * again. A stream can be read and written once only: of those nothing but the opening is tried again. An echo of one's own
 * success is one: "exists already" when what is stored has the very bytes, "does not exist" of what was to be removed.
 */
export function retrying(storage: Storage, onRetry?: OnRetry): Storage {
  const again = <Result>(work: (failures: number) => Promise<Result>, call?: CallOptions): Promise<Result> =>
    tryAgain(work, { ...call, onRetry });
  return {
    description: storage.description,
    capabilities: storage.capabilities,
    list: (prefix, call) => listAgain(storage, prefix, { ...call, onRetry }),
    read: (name, range, call) => again(() => storage.read(name, range, call), call),
    openRead: (name, call) => again(() => storage.openRead(name, call), call),
    write: (name, content, call) => writeAgain(storage, name, content, { ...call, onRetry }),
    remove: (name, call) =>
      again(async (failures) => {
        try {
          await storage.remove(name, call);
        } catch (error) {
          if (failures === 0 || codeOf(error) !== 'NotFound') throw error;
        }
      }, call),
    ...(storage.makeFolders === undefined
      ? {}
      : {
          makeFolders: (folders, call) => again(() => storage.makeFolders?.(folders, call) ?? Promise.resolve(), call),
        }),
    ...(storage.probeRights === undefined
      ? {}
      : { probeRights: (call) => again(async () => (await storage.probeRights?.(call)) ?? {}, call) }),
    stat: (name, call) => again(() => storage.stat(name, call), call),
    close: () => storage.close(),
  };
}

export interface TryOptions extends CallOptions {
  onRetry?: OnRetry | undefined;
}

/** Does work until it succeeds, or fails for good; it is told how often it has failed. */
export async function tryAgain<Result>(
  work: (failures: number) => Promise<Result>,
  options: TryOptions = {},
): Promise<Result> {
  let failures = 0;
  let isTold = false;
  try {
    for (;;) {
      try {
        return await work(failures);
      } catch (error) {
        failures += 1;
        await backOffUnlessFinal(error, failures, options);
        isTold = true;
      }
    }
  } finally {
    if (isTold) options.onRetry?.(undefined);
  }
}

/** Throws the error when another try would not help. */
async function backOffUnlessFinal(error: unknown, failures: number, options: TryOptions): Promise<void> {
  throwIfAborted(options.signal);
  if (!(error instanceof HoldfastError) || !error.retryable || failures >= MAX_ATTEMPTS) throw error;
  await backOff(failures, error, options);
}

/** Begins again, and leaves out what was told already: names come in order. */
async function* listAgain(storage: Storage, prefix: string, call: TryOptions): AsyncGenerator<ObjectEntry> {
  let last: string | undefined;
  let failures = 0;
  const over = (): void => {
    if (failures > 0) call.onRetry?.(undefined);
    failures = 0;
  };
  try {
    for (;;) {
      try {
        for await (const entry of storage.list(prefix, call)) {
          if (last !== undefined && entry.name <= last) continue;
          over();
          last = entry.name;
          yield entry;
        }
        return;
      } catch (error) {
        failures += 1;
        await backOffUnlessFinal(error, failures, call);
      }
    }
  } finally {
    over();
  }
}

async function writeAgain(
  storage: Storage,
  name: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  call: WriteOptions & TryOptions,
): Promise<void> {
  if (!(content instanceof Uint8Array)) return storage.write(name, content, call);
  await tryAgain(async (failures) => {
    try {
      await storage.write(name, content, call);
    } catch (error) {
      if (failures === 0 || codeOf(error) !== 'AlreadyExists') throw error;
      if (!(await isStored(storage, name, content, call))) throw error;
    }
  }, call);
}

async function isStored(
  storage: Storage,
  name: string,
  content: Uint8Array,
  { signal }: CallOptions,
): Promise<boolean> {
  const call = signal === undefined ? {} : { signal };
  const range: ByteRange = { offset: 0, length: content.length + 1 };
  return (await storage.read(name, range, call)).equals(content);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof HoldfastError ? error.code : undefined;
}
