/** Tells troubles of a sync's source from those of its target: the former are findings, the latter fail the run. */
import type { Readable } from 'node:stream';

/** Its cause is what went wrong on the source's side. */
export class SourceError extends Error {
  constructor(cause: unknown) {
    super('the source could not be read', { cause });
  }
}

export async function fromSource<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    throw new SourceError(error);
  }
}

export async function* sourcePieces(stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new SourceError(error);
  }
}

/**
 * A stream that is aborted before anybody reads from it tells nobody else than the process: its reader gets the error
 * all the same.
 */
export function heldStream(stream: Readable): Readable {
  return stream.on('error', () => undefined);
}
