/** Reads index files as restic and holdfast lay them out straight into entries of the index, without an object or a string for each blob. */
import { ENTRY_WORDS, ID_BYTES, ID_WORDS, LENGTH, OFFSET, PACK, PLAIN_LENGTH, TREE_BIT } from './blob-table.ts';
import { HEX_DIGITS } from './hex.ts';
import type { PackEntries } from './pack-entries.ts';

const ID_DIGITS = ID_BYTES * 2;
/** A block of entries is cut to size when its pack is finished. */
const FIRST_ENTRIES = 256;
/** What a 32-bit word holds; the plain length is stored with one added. */
const MAX_LENGTH = 0xffff_ffff;
const ZERO = 0x30;
const NINE = 0x39;

/** What stands between the values. */
const BEGIN = bytesOf('{"packs":[');
const BRACE = bytesOf('{');
const ID = bytesOf('{"id":"');
const BLOBS = bytesOf('","blobs":[');
const DATA = bytesOf('","type":"data","offset":');
const TREE = bytesOf('","type":"tree","offset":');
const LENGTH_KEY = bytesOf(',"length":');
const PLAIN_LENGTH_KEY = bytesOf(',"uncompressed_length":');
const COMMA = bytesOf(',');
const END_OF_BLOB = bytesOf('}');
const END_OF_LIST = bytesOf(']}');

/**
 * The packs of an index file. undefined when it is laid out in any other way, or anything about it is odd: whoever
 * parses JSON tells what it is.
 */
export function scanIndexFile(plain: Buffer): PackEntries[] | undefined {
  return new IndexScan(plain).run();
}

class IndexScan {
  readonly #bytes: Buffer;
  #at = 0;
  #words = new Uint32Array(FIRST_ENTRIES * ENTRY_WORDS);
  #entries = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(): PackEntries[] | undefined {
    const packs: PackEntries[] = [];
    const packId = new Uint32Array(ID_WORDS);
    if (!this.#skip(BEGIN)) return undefined;
    while (this.#skip(ID)) {
      const start = this.#at;
      if (!this.#readId(packId, 0) || !this.#skip(BLOBS) || !this.#readBlobs() || !this.#skip(END_OF_LIST))
        return undefined;
      const id = this.#bytes.toString('latin1', start, start + ID_DIGITS);
      packs.push({ id, words: this.#words.slice(0, this.#entries * ENTRY_WORDS) });
      if (!this.#skip(COMMA)) break;
      // A comma that nothing follows is no JSON.
      if (!this.#isNext(BRACE)) return undefined;
    }
    // restic ends the document with a newline.
    return this.#skip(END_OF_LIST) && this.#bytes.toString('latin1', this.#at).trim() === '' ? packs : undefined;
  }

  #readBlobs(): boolean {
    this.#entries = 0;
    while (this.#skip(ID)) {
      if (!this.#readBlob()) return false;
      if (!this.#skip(COMMA)) return true;
    }
    // Nothing, or a comma that nothing follows.
    return this.#entries === 0;
  }

  #readBlob(): boolean {
    const base = this.#entries * ENTRY_WORDS;
    if (base === this.#words.length) this.#growWords();
    const words = this.#words;
    if (!this.#readId(words, base)) return false;
    if (this.#skip(DATA)) words[base + PACK] = 0;
    else if (this.#skip(TREE)) words[base + PACK] = TREE_BIT;
    else return false;
    const offset = this.#readNumber();
    if (!this.#skip(LENGTH_KEY)) return false;
    const length = this.#readNumber();
    const plainLength = this.#skip(PLAIN_LENGTH_KEY) ? this.#readNumber() : 0;
    const isOdd = offset < 0 || length < 0 || plainLength < 0 || plainLength === MAX_LENGTH;
    if (isOdd || !this.#skip(END_OF_BLOB)) return false;
    words[base + OFFSET] = offset;
    words[base + LENGTH] = length;
    words[base + PLAIN_LENGTH] = plainLength === 0 ? 0 : plainLength + 1;
    this.#entries++;
    return true;
  }

  #isNext(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    for (let at = 0; at < expected.length; at++) if (bytes[start + at] !== expected[at]) return false;
    return true;
  }

  #skip(expected: Uint8Array): boolean {
    if (!this.#isNext(expected)) return false;
    this.#at += expected.length;
    return true;
  }

  /** 64 digits, as words. What must follow is skipped by the caller, who would not find it after a 65th. */
  #readId(words: Uint32Array, base: number): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    if (at + ID_DIGITS > bytes.length) return false;
    // Negative as soon as one of them is no digit.
    let all = 0;
    for (let word = base; word < base + ID_WORDS; word++) {
      let value = 0;
      for (const end = at + 8; at < end; at++) {
        const digit = HEX_DIGITS[bytes[at]!]!;
        all |= digit;
        value = (value << 4) | digit;
      }
      words[word] = value;
    }
    this.#at = at;
    return all >= 0;
  }

  /** -1: no number, or one that has no place in the index. */
  #readNumber(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let value = 0;
    for (;;) {
      const code = bytes[at]!;
      if (!(code >= ZERO && code <= NINE)) break;
      value = value * 10 + (code - ZERO);
      if (value > MAX_LENGTH) return -1;
      at++;
    }
    this.#at = at;
    const hasLeadingZero = bytes[start] === ZERO && at > start + 1;
    return at === start || hasLeadingZero ? -1 : value;
  }

  #growWords(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    grown.set(this.#words);
    this.#words = grown;
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}
