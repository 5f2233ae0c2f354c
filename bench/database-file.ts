/** A file like a database's: pages of rows, half text and half numbers; edits overwrite pages here and there. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { seededBytes } from './seeded-bytes.ts';

const PAGE_BYTES = 8192;
const ROW_BYTES = 128;
const HEADER_BYTES = ROW_BYTES;
const ROWS = (PAGE_BYTES - HEADER_BYTES) / ROW_BYTES;
const PAGES_A_WRITE = 128;

/** Random bytes a row takes: a number of 24 bytes, and one byte for each of five words. */
const SEED_BYTES_A_ROW = 29;
const WORD_BYTES = 16;
const SEED = 'holdfast database';

/** Words of equal length, padded as a CHAR column is. */
const WORDS = createWords();

/** Writes the file as it was before any edit: whole pages, `bytes` at most. */
export function createDatabaseFile(file: string, bytes: number): void {
  const pages = Math.floor(bytes / PAGE_BYTES);
  const descriptor = openSync(file, 'w');
  try {
    for (let first = 0; first < pages; first += PAGES_A_WRITE) {
      const count = Math.min(PAGES_A_WRITE, pages - first);
      writeSync(descriptor, Buffer.concat(Array.from({ length: count }, (_, index) => page(first + index, 0))));
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Overwrites one page in a hundred, at places that are always the same, with their content of `generation`; generation
 * 0 is the file as it was made. Repeating it, also after half of it, changes nothing but the time of the file.
 */
export function editDatabaseFile(file: string, bytes: number, generation: number): void {
  const pages = Math.floor(bytes / PAGE_BYTES);
  const descriptor = openSync(file, 'r+');
  try {
    for (const number of editedPages(pages)) {
      writeSync(descriptor, page(number, generation), 0, PAGE_BYTES, number * PAGE_BYTES);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** One page in each hundred, anywhere in it: scattered over the whole file, as updates by a random key are. */
function editedPages(pages: number): number[] {
  const spans = Math.max(1, Math.floor(pages / 100));
  const places = seededBytes(`${SEED} edits`, spans * 4);
  return Array.from({ length: spans }, (_, span) => {
    const within = Math.min(100, pages - span * 100);
    return span * 100 + (places.readUInt32LE(span * 4) % within);
  });
}

function page(number: number, generation: number): Buffer {
  const random = seededBytes(SEED, ROWS * SEED_BYTES_A_ROW, generation, number);
  const content = Buffer.alloc(PAGE_BYTES);
  content.writeUInt32LE(number, 0);
  content.writeUInt32LE(generation, 4);
  content.writeUInt32LE(ROWS, 8);
  for (let row = 0; row < ROWS; row++) {
    const from = row * SEED_BYTES_A_ROW;
    const at = HEADER_BYTES + row * ROW_BYTES;
    content.writeUInt32LE(number * ROWS + row, at);
    random.copy(content, at + 8, from, from + 24);
    for (let word = 0; word < 5; word++) {
      const start = (random[from + 24 + word] ?? 0) * WORD_BYTES;
      WORDS.copy(content, at + 40 + word * WORD_BYTES, start, start + WORD_BYTES);
    }
  }
  return content;
}

function createWords(): Buffer {
  const words = Buffer.alloc(256 * WORD_BYTES, ' ');
  const letters = seededBytes(`${SEED} words`, words.length);
  for (let word = 0; word < 256; word++) {
    const length = 4 + (word % 11);
    for (let letter = 0; letter < length; letter++) {
      const at = word * WORD_BYTES + letter;
      words[at] = 97 + ((letters[at] ?? 0) % 26);
    }
  }
  return words;
}
