/** Tells troubles of a sync's source from those of its target: the former are findings, the latter fail the run. */
import type { Readable } from 'node:stream';
import type { ByteString } from '../common/byte-string.ts';
import { StorageError } from '../common/errors.ts';
import type { FileEntry, FileTree } from '../files/file-tree.ts';

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
 * What was wrong with one entry of the source; throws what is no trouble of the source, and what a source elsewhere says
 * when it does not answer at all: then no entry is to blame, and nothing that it does not show may be taken for gone.
 */
export async function troubleOf(source: FileTree, error: unknown): Promise<unknown> {
  if (!(error instanceof SourceError)) throw error;
  await requireAnswer(source);
  return error.cause;
}

/** Throws when a source elsewhere does not answer, or is gone. */
export async function requireAnswer(source: FileTree): Promise<void> {
  if (source.isRemote !== true || (await source.stat('' as ByteString)) !== undefined) return;
  throw new StorageError(`the source ${source.description} is no longer there`, {
    hint: 'Look on its server whether it is mounted, then run it again.',
  });
}

/**
 * Throws when the source as a whole is gone, or another disk than it was: then what it does not show proves nothing. A source that was
 * not there when the run began, which a guard has let pass, is not asked.
 */
export async function requireSource(source: FileTree, before: FileEntry | undefined): Promise<void> {
  if (before === undefined) return;
  const now = await source.stat('' as ByteString);
  if (now?.type === 'dir' && now.device === before.device) return;
  throw new StorageError(`the source ${source.description} is no longer there: nothing is removed from its copy`, {
    hint: 'Look whether it is mounted, then run it again.',
  });
}

/**
 * A stream that is aborted before anybody reads from it tells nobody else than the process: its reader gets the error
 * all the same.
 */
export function heldStream(stream: Readable): Readable {
  return stream.on('error', () => undefined);
}
