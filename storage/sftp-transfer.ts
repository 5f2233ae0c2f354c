/** Bytes of one open file, many requests in flight: a request at a time would wait for the network between all of them. */
import { forEachConcurrently } from '../common/concurrency.ts';
import { giveBack, lendPiece, takeMemory } from '../common/lent-memory.ts';
import { SftpStatus, sftpStatus } from './sftp-errors.ts';
import type { SftpSession } from './sftp-session.ts';
import { madeGarbage } from './young-garbage.ts';

/** Requests of one transfer that wait for their answers: 4 MiB with OpenSSH's pieces. */
const IN_FLIGHT = 16;

/** Of writes: OpenSSH's channel has room for as much, and what goes beyond would be copied to wait for it. */
const WRITTEN_IN_FLIGHT_BYTES = 2 * 1024 * 1024;

/** A file of the server that is open, on the session that opened it. */
export interface OpenFile {
  session: SftpSession;
  handle: Buffer;
}

/** Opens a file; `flags` as in node:fs, `mode` of a new one. */
export async function openRemote(
  session: SftpSession,
  path: string,
  flags: 'r' | 'r+' | 'wx',
  options: { mode?: number; signal?: AbortSignal | undefined } = {},
): Promise<OpenFile> {
  const { mode, signal } = options;
  const handle = await session.request<Buffer>(
    (sftp, done) => (mode === undefined ? sftp.open(path, flags, done) : sftp.open(path, flags, mode, done)),
    signal,
  );
  return { session, handle };
}

export async function closeRemote({ session, handle }: OpenFile): Promise<void> {
  await session.request<void>((sftp, done) => sftp.close(handle, done));
}

/** Closes what was only read: its answer changes nothing, and is not waited for. */
export function closeUnheard(file: OpenFile): void {
  closeRemote(file).catch(() => {});
}

/** Fills `target` from the file, from `offset` on. Returns how many bytes there were. */
export async function readInto(
  { session, handle }: OpenFile,
  target: Buffer,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let end = target.length;
  const readPiece = async (from: number, to: number): Promise<void> => {
    // A server may give less than was asked for; only nothing is the end.
    for (let at = from; at < to && at < end;) {
      const length = await readOnce(session, handle, target, at, Math.min(to, end) - at, offset + at, signal);
      if (length === 0) end = Math.min(end, at);
      at += length;
    }
  };
  await forEachConcurrently(pieces(target.length, session.readPiece), IN_FLIGHT, ([from, to]) => readPiece(from, to));
  return end;
}

async function readOnce(
  session: SftpSession,
  handle: Buffer,
  target: Buffer,
  at: number,
  length: number,
  position: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  try {
    return await session.request<number>((sftp, done) => sftp.read(handle, target, at, length, position, done), signal);
  } catch (error) {
    if (sftpStatus(error) === SftpStatus.endOfFile) return 0;
    throw error;
  }
}

/** The file's bytes from `offset` on, in pieces, read ahead. */
export async function* readAhead(
  file: OpenFile,
  offset: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const { readPiece } = file.session;
  const ahead: Promise<Buffer>[] = [];
  const readNext = (position: number): Promise<Buffer> => {
    const reading = readWhole(file, readPiece, position, signal);
    // Told when its turn comes.
    reading.catch(() => {});
    return reading;
  };
  let isEnough = false;
  for (let position = offset; ;) {
    // Several are asked for together: a message for each would wake the server for each, and cost more than decrypting the answer.
    while (!isEnough && ahead.length < IN_FLIGHT) {
      ahead.push(readNext(position));
      position += readPiece;
    }
    isEnough = ahead.length > IN_FLIGHT / 2 + 1;
    const piece = await ahead.shift();
    if (piece === undefined || piece.length === 0) return;
    yield piece;
    if (piece.length < readPiece) return;
  }
}

/** Of the length that all pieces have but the last. */
async function readWhole(file: OpenFile, length: number, position: number, signal: AbortSignal | undefined) {
  const target = takeMemory(length) ?? freshMemory(length);
  let done = 0;
  while (done < length) {
    const got = await readOnce(file.session, file.handle, target, done, length - done, position + done, signal);
    if (got === 0) break;
    done += got;
  }
  return lendPiece(target, done);
}

function freshMemory(bytes: number): Buffer {
  madeGarbage(bytes);
  return Buffer.allocUnsafeSlow(bytes);
}

/** How what is written goes over the line. */
export interface WriteWay {
  signal: AbortSignal | undefined;
  /** Pieces of a stream are copied, because they are sent again where a connection is lost. */
  keeps?: boolean;
  /** Sends, on the file as it is open by then. */
  on<Result>(work: (file: OpenFile) => Promise<Result>): Promise<Result>;
  /** Told of each piece that the server has: its length, and where it ends. */
  arrived(bytes: number, end: number): void;
}

/** Writes the content from the file's start on, at most `longest` bytes by one request. */
export async function writeAll(
  longest: number,
  content: Uint8Array | AsyncIterable<Uint8Array>,
  { signal, keeps = false, on, arrived }: WriteWay,
): Promise<void> {
  let size = 0;
  async function* requests(): AsyncGenerator<{ piece: Buffer; position: number }> {
    for await (const part of content instanceof Uint8Array ? [content] : content) {
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
      for (const [from, to] of pieces(bytes.length, longest)) {
        const piece = bytes.subarray(from, to);
        yield { piece: keeps ? Buffer.from(piece) : piece, position: size + from };
      }
      size += bytes.length;
      // Each request is sent, or copied, before the next piece is asked for. What is there whole may be sent once more.
      if (content instanceof Uint8Array || !giveBack(part)) madeGarbage(part.length);
    }
  }
  const limit = Math.min(IN_FLIGHT, Math.floor(WRITTEN_IN_FLIGHT_BYTES / longest));
  await forEachConcurrently(requests(), limit, async ({ piece, position }) => {
    await on((file) => writePiece(file, piece, position, signal));
    arrived(piece.length, position + piece.length);
  });
}

/** Writes at most `session.writePiece` bytes by one request, which is sent before this returns. */
export async function writePiece(
  { session, handle }: OpenFile,
  piece: Buffer,
  position: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  // The bytes are copied here and now: the caller may use the memory again, also after giving up.
  await session.request<void>((sftp, done) => sftp.write(handle, piece, 0, piece.length, position, done), signal);
}

function* pieces(length: number, size: number): Generator<[number, number]> {
  for (let from = 0; from < length; from += size) yield [from, Math.min(from + size, length)];
}
