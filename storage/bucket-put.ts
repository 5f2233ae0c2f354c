/** Puts a file of unknown length into a bucket: at once when it is small, else in parts, of which few files are sent at a time. */
import type { Bucket, PutOptions } from './bucket.ts';
import type { Slots } from './slots.ts';

/** Files up to this are read whole. Parts are many times as large, and each takes its memory before it is filled. */
const SMALL_BYTES = 1024 * 1024;

/** @param large Places for files that are sent in parts. */
export async function putContent(
  bucket: Bucket,
  key: string,
  content: AsyncIterable<Uint8Array>,
  large: Slots,
  call: PutOptions,
): Promise<void> {
  const iterator = content[Symbol.asyncIterator]();
  let isDone = false;
  try {
    const begin: Uint8Array[] = [];
    let length = 0;
    while (length <= SMALL_BYTES) {
      const next = await iterator.next();
      isDone = next.done === true;
      if (next.done === true) break;
      // Its memory may be used again.
      begin.push(Buffer.from(next.value));
      length += next.value.length;
    }
    if (isDone) return await bucket.put(key, Buffer.concat(begin), call);
    await large.run(call.signal, () => bucket.put(key, joined(begin, iterator), call));
  } finally {
    if (!isDone) await iterator.return?.();
  }
}

async function* joined(begin: Uint8Array[], rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let piece = begin.shift(); piece !== undefined; piece = begin.shift()) yield piece;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
