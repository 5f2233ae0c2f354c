/** Which names an entry of a tree in a bucket may have. */
import type { ByteString } from '../common/byte-string.ts';
import { fromText, isEntryName, toText } from '../files/byte-path.ts';

/** Of a key, in UTF-8: S3's limit, and Google's. */
const LONGEST_KEY_BYTES = 1024;

/**
 * Lists of S3 are XML, which has no control characters; Google forbids some of them. What is no letter, and what stands
 * for bytes that are none, could not be told from a key that was damaged on its way.
 */
// eslint-disable-next-line no-control-regex -- control characters are what is meant
const UNSPEAKABLE = /[\x00-\x1f\x7f\ufffd-\uffff]/;

/** Why no object can have this path, in a few words; undefined: one can. `root`: what keys begin with. */
export function whyNoKey(root: string, path: ByteString, isFolder: boolean): string | undefined {
  const text = toText(path);
  if (text === undefined) return 'its name is not UTF-8, which buckets do not know';
  if (UNSPEAKABLE.test(text)) return 'its name has control characters, which the lists of buckets cannot say';
  const bytes = Buffer.byteLength(root) + path.length + (isFolder ? 1 : 0);
  if (bytes > LONGEST_KEY_BYTES) return `its key would be longer than ${LONGEST_KEY_BYTES} bytes`;
  return undefined;
}

/** Why a listed name is that of no entry, in a few words; undefined: it is. */
export function whyNoEntry(name: string): string | undefined {
  if (name === '') return 'a part of its key is empty';
  if (UNSPEAKABLE.test(name)) return 'its key has control characters, which the lists of buckets cannot say';
  return isEntryName(fromText(name)) ? undefined : 'a part of its key is no name of a file';
}
