import { expect, it } from 'vitest';
import type { ByteString } from '../../common/byte-string.ts';
import type { EntryStat } from '../../files/entry-stat.ts';
import { ListingPacker, unpackListings } from '../../files/packed-listings.ts';

const time = { seconds: 1, nanoseconds: 2 };
const stat: EntryStat = {
  ...{ mode: 0o644, links: 1, uid: 3, gid: 4, sizeBytes: 5, inode: 6n, device: 7n, specialDevice: 0n },
  ...{ mtime: time, atime: time, ctime: time },
};

it('hands over no more memory than a message takes, and keeps none of it', () => {
  const packer = new ListingPacker();
  const messages = ['a', 'b', 'a'].map((name) => {
    packer.add(name as ByteString, { type: 'file', mode: 0o644, linkTarget: undefined, stat });
    packer.endFolder({ leftOut: [], unreadable: [] });
    return packer.take();
  });
  for (const { kept, own, text } of messages) {
    for (const piece of [kept, own, text]) expect(piece.buffer.byteLength).toBe(piece.length);
  }
  const listings = messages.flatMap(unpackListings);
  expect(listings.map((listing) => listing.name(0))).toEqual(['a', 'b', 'a']);
  expect(listings[0]!.equals(listings[2]!)).toBe(true);
  expect(listings[0]!.equals(listings[1]!)).toBe(false);
});
