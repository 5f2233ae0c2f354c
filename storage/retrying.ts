/** A storage that tries again what failed in a way that may pass: for backends whose client does not do so itself. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import type { ByteRange, CallOptions, ObjectEntry, Storage, WriteOptions } from './storage.ts';

/**
 * Five tries with growing, random pauses: some seconds in all; Temporal has the minutes. Only retryable errors are tried
 * again. A stream can be read and written once only: of those nothing but the opening is tried again. An echo of one's own
 * success is one: "exists already" when what is stored has the very bytes, "does not exist" of what was to be removed.
 */
export function retrying(storage: Storage): Storage {
  return {
    description: storage.description,
    capabilities: storage.capabilities,
    list: (prefix, call) => listAgain(storage, prefix, call),
    read: (name, range, call) => tryAgain(() => storage.read(name, range, call), call),
    openRead: (name, call) => tryAgain(() => storage.openRead(name, call), call),
    write: (name, content, call) => writeAgain(storage, name, content, call),
    remove: (name, call) =>
      tryAgain(async (failures) => {
        try {
          await storage.remove(name, call);
        } catch (error) {
          if (failures === 0 || codeOf(error) !== 'NotFound') throw error;
        }
      }, call),
    ...(storage.makeFolders === undefined
      ? {}
      : {
          makeFolders: (folders, call) =>
            tryAgain(() => storage.makeFolders?.(folders, call) ?? Promise.resolve(), call),
        }),
    ...(storage.probeRights === undefined
      ? {}
      : { probeRights: (call) => tryAgain(async () => (await storage.probeRights?.(call)) ?? {}, call) }),
    stat: (name, call) => tryAgain(() => storage.stat(name, call), call),
    close: () => storage.close(),
  };
}

/** Does work until it succeeds, or fails for good; it is told how often it has failed. */
export async function tryAgain<Result>(
  work: (failures: number) => Promise<Result>,
  call: CallOptions = {},
): Promise<Result> {
  for (let failures = 0; ;) {
    try {
      return await work(failures);
    } catch (error) {
      failures += 1;
      await backOffUnlessFinal(error, failures, call);
    }
  }
}

/** Throws the error when another try would not help. */
async function backOffUnlessFinal(error: unknown, failures: number, { signal }: CallOptions): Promise<void> {
  throwIfAborted(signal);
  if (!(error instanceof HoldfastError) || !error.retryable || failures >= MAX_ATTEMPTS) throw error;
  await backOff(failures, signal);
}

/** Begins again, and leaves out what was told already: names come in order. */
async function* listAgain(storage: Storage, prefix: string, call: CallOptions = {}): AsyncGenerator<ObjectEntry> {
  let last: string | undefined;
  for (let failures = 0; ;) {
    try {
      for await (const entry of storage.list(prefix, call)) {
        if (last !== undefined && entry.name <= last) continue;
        failures = 0;
        last = entry.name;
        yield entry;
      }
      return;
    } catch (error) {
      failures += 1;
      await backOffUnlessFinal(error, failures, call);
    }
  }
}

async function writeAgain(
  storage: Storage,
  name: string,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  call: WriteOptions = {},
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
