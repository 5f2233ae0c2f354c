import { expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import { OpenFolder } from '../../repository/open-folder.ts';

it('encodes all finished entries in their order, of folders of any size', () => {
  for (const size of [0, 1, 2, 1023, 1024, 1025, 5000]) {
    const folder = new OpenFolder();
    const texts = Array.from({ length: size }, (_, number) => `{"name":"\u00c3\u00a9${number}"}` as ByteString);
    for (const [number, text] of texts.entries()) {
      // One in seven vanished meanwhile.
      folder.finishEntry(folder.addPending(), number % 7 === 6 ? undefined : text, false);
    }
    const kept = texts.filter((_, number) => number % 7 !== 6);
    expect(folder.encode().toString('latin1')).toBe(`{"nodes":[${kept.join(',')}]}\n`);
  }
});
