import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { giveBack } from '../../common/lent-memory.ts';
import { PIECE_BYTES, readInPieces } from '../../files/read-pieces.ts';

let folder: string;
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'holdfast-pieces-'))));
afterAll(() => rm(folder, { recursive: true }));

const SIZES = [0, 1, PIECE_BYTES / 2 - 1, PIECE_BYTES / 2, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 4711];

it.each(SIZES)('reads a file of %d bytes, whether pieces are kept or given back', async (size) => {
  const content = randomBytes(size);
  const file = join(folder, `of-${size}`);
  await writeFile(file, content);
  for (const givesBack of [true, false, true]) {
    const kept: Buffer[] = [];
    for await (const piece of readInPieces(await open(file)) as AsyncIterable<Buffer>) {
      kept.push(givesBack ? Buffer.from(piece) : piece);
      if (givesBack) giveBack(piece);
      // The next one is read meanwhile.
      await setTimeout(1);
    }
    expect(Buffer.concat(kept).equals(content)).toBe(true);
  }
});

async function all(stream: Readable): Promise<Buffer[]> {
  const kept: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) kept.push(piece);
  return kept;
}

it('keeps no memory of a whole piece for a short one', async () => {
  const file = join(folder, 'short');
  await writeFile(file, 'short');
  const [piece] = await all(readInPieces(await open(file)));
  expect(piece!.buffer.byteLength).toBeLessThan(PIECE_BYTES / 2);
});

it.each(['read', 'unread'])('closes the file when it is %s and destroyed', async (state) => {
  const file = join(folder, 'closed');
  await writeFile(file, randomBytes(3 * PIECE_BYTES));
  const handle = await open(file);
  const stream = readInPieces(handle);
  if (state === 'read') await (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]().next();
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.destroy();
  await closed;
  expect(handle.fd).toBe(-1);
});

it('tells what the disk says', async () => {
  const handle = await open(folder);
  await expect(all(readInPieces(handle))).rejects.toMatchObject({ code: 'EISDIR' });
  expect(handle.fd).toBe(-1);
});
