/** Reads index files as restic and holdfast lay them out straight into entries of the index, without an object for each blob. */
import { ENTRY_WORDS, LENGTH, OFFSET, PACK, PLAIN_LENGTH, readIdText, TREE_BIT } from './blob-table.ts';
import { isHexDigit } from './hex.ts';
import type { PackEntries } from './pack-entries.ts';

const ID_DIGITS = 64;
/** A block of entries is cut to size when its pack is finished. */
const FIRST_ENTRIES = 256;
/** What a 32-bit word holds; the plain length is stored with one added. */
const MAX_LENGTH = 0xffff_ffff;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The packs of an index file. undefined when it is laid out in any other way, or anything about it is odd: whoever
 * parses JSON tells what it is.
 */
export function scanIndexFile(plain: Buffer): PackEntries[] | undefined {
  return new IndexScan(plain.toString('latin1')).run();
}

class IndexScan {
  readonly #text: string;
  #at = 0;
  #words = new Uint32Array(FIRST_ENTRIES * ENTRY_WORDS);
  #entries = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): PackEntries[] | undefined {
    const packs: PackEntries[] = [];
    if (!this.#skip('{"packs":[')) return undefined;
    while (this.#skip('{"id":"')) {
      const id = this.#readId();
      if (id === undefined || !this.#skip('","blobs":[') || !this.#readBlobs() || !this.#skip(']}')) return undefined;
      // A copy: a slice would keep the whole text in memory.
      packs.push({
        id: Buffer.from(id, 'latin1').toString('latin1'),
        words: this.#words.slice(0, this.#entries * ENTRY_WORDS),
      });
      if (!this.#skip(',')) break;
      // A comma that nothing follows is no JSON.
      if (!this.#text.startsWith('{', this.#at)) return undefined;
    }
    // restic ends the document with a newline.
    return this.#skip(']}') && this.#text.slice(this.#at).trim() === '' ? packs : undefined;
  }

  #readBlobs(): boolean {
    this.#entries = 0;
    while (this.#skip('{"id":"')) {
      if (!this.#readBlob()) return false;
      if (!this.#skip(',')) return true;
    }
    // Nothing, or a comma that nothing follows.
    return this.#entries === 0;
  }

  #readBlob(): boolean {
    const base = this.#entries * ENTRY_WORDS;
    if (base === this.#words.length) this.#growWords();
    const words = this.#words;
    const id = this.#readId();
    if (id === undefined) return false;
    readIdText(id, words, base);
    if (this.#skip('","type":"data","offset":')) words[base + PACK] = 0;
    else if (this.#skip('","type":"tree","offset":')) words[base + PACK] = TREE_BIT;
    else return false;
    const offset = this.#readNumber();
    if (!this.#skip(',"length":')) return false;
    const length = this.#readNumber();
    const plainLength = this.#skip(',"uncompressed_length":') ? this.#readNumber() : 0;
    if (offset < 0 || length < 0 || plainLength < 0 || plainLength === MAX_LENGTH || !this.#skip('}')) return false;
    words[base + OFFSET] = offset;
    words[base + LENGTH] = length;
    words[base + PLAIN_LENGTH] = plainLength === 0 ? 0 : plainLength + 1;
    this.#entries++;
    return true;
  }

  #skip(expected: string): boolean {
    if (!this.#text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #readId(): string | undefined {
    const end = this.#at + ID_DIGITS;
    for (let at = this.#at; at < end; at++) if (!isHexDigit(this.#text.charCodeAt(at))) return undefined;
    if (this.#text.charCodeAt(end) !== QUOTE) return undefined;
    const id = this.#text.slice(this.#at, end);
    this.#at = end;
    return id;
  }

  /** -1: no number, or one that has no place in the index. */
  #readNumber(): number {
    const start = this.#at;
    let value = 0;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (!(code >= ZERO && code <= NINE)) break;
      value = value * 10 + (code - ZERO);
      if (value > MAX_LENGTH) return -1;
      this.#at++;
    }
    const hasLeadingZero = this.#text.charCodeAt(start) === ZERO && this.#at > start + 1;
    return this.#at === start || hasLeadingZero ? -1 : value;
  }

  #growWords(): void {
    const grown = new Uint32Array(this.#words.length * 2);
    grown.set(this.#words);
    this.#words = grown;
  }
}
