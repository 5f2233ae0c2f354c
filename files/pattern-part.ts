/** One component of a pattern, with the meaning of Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before any of them. */
import type { ByteString } from '../common/byte-string.ts';
import { decodeUtf8 } from '../common/decode-utf8.ts';

/** Whether a name (one component of a path) fits. */
export type NameMatcher = (name: string) => boolean;

/** Ranges of code points, ends included. */
interface CharacterClass {
  negated: boolean;
  ranges: [number, number][];
}

interface Literal {
  bytes: string;
}

/** Literal bytes, `?`, or a class. */
type Atom = Literal | 'any-character' | CharacterClass;

const ANY = 'any-character';

/** What stands between two stars. `atStart`: no star before it. */
interface Chunk {
  afterStar: boolean;
  atoms: Atom[];
}

/** undefined when the part is malformed: a bracket without its end, an empty class, a backslash at the end. */
export function compilePart(part: ByteString): NameMatcher | undefined {
  if (!/[\\[\]*?]/.test(part)) return (name) => name === part;
  const chunks = parseChunks(part);
  return chunks === undefined ? undefined : (name) => matchChunks(chunks, name);
}

function parseChunks(part: ByteString): Chunk[] | undefined {
  const chunks: Chunk[] = [];
  let chunk: Chunk = { afterStar: false, atoms: [] };
  for (let index = 0; index < part.length;) {
    const character = part.charAt(index);
    if (character === '*') {
      if (!chunk.afterStar || chunk.atoms.length > 0) chunks.push(chunk);
      chunk = { afterStar: true, atoms: [] };
      index++;
      continue;
    }
    const parsed = parseAtom(part, index);
    if (parsed === undefined) return undefined;
    appendAtom(chunk.atoms, parsed.atom);
    index = parsed.next;
  }
  chunks.push(chunk);
  return chunks;
}

interface Parsed<Item> {
  atom: Item;
  next: number;
}

function parseAtom(part: ByteString, index: number): Parsed<Atom> | undefined {
  const character = part.charAt(index);
  if (character === '?') return { atom: ANY, next: index + 1 };
  if (character === '[') return parseClass(part, index + 1);
  if (character !== '\\') return { atom: { bytes: character }, next: index + 1 };
  return index + 1 < part.length ? { atom: { bytes: part.charAt(index + 1) }, next: index + 2 } : undefined;
}

/** Joins neighbouring literals. */
function appendAtom(atoms: Atom[], atom: Atom): void {
  const last = atoms.at(-1);
  if (isLiteral(atom) && last !== undefined && isLiteral(last)) last.bytes += atom.bytes;
  else atoms.push(atom);
}

function isLiteral(atom: Atom): atom is Literal {
  return typeof atom === 'object' && 'bytes' in atom;
}

function parseClass(part: ByteString, start: number): Parsed<CharacterClass> | undefined {
  const negated = part.charAt(start) === '^';
  const ranges: [number, number][] = [];
  let index = negated ? start + 1 : start;
  while (part.charAt(index) !== ']' || ranges.length === 0) {
    const low = parseClassCharacter(part, index);
    if (low === undefined) return undefined;
    index = low.next;
    let high: Parsed<number> | undefined = low;
    if (part.charAt(index) === '-') {
      high = parseClassCharacter(part, index + 1);
      if (high === undefined) return undefined;
      index = high.next;
    }
    ranges.push([low.atom, high.atom]);
  }
  return { atom: { negated, ranges }, next: index + 1 };
}

function parseClassCharacter(part: ByteString, index: number): Parsed<number> | undefined {
  const character = part.charAt(index);
  if (character === '' || character === '-' || character === ']') return undefined;
  const at = character === '\\' ? index + 1 : index;
  if (at >= part.length) return undefined;
  const { codePoint, width } = decodeUtf8(part, at);
  // A class that ends with the part, and a byte that is no character, are malformed.
  if (codePoint === undefined || at + width >= part.length) return undefined;
  return { atom: codePoint, next: at + width };
}

/** Each chunk takes the first place where it fits; only the last one must reach the end. */
function matchChunks(chunks: readonly Chunk[], name: string): boolean {
  let position = 0;
  for (const [index, chunk] of chunks.entries()) {
    const last = index === chunks.length - 1;
    if (last && chunk.afterStar && chunk.atoms.length === 0) return true;
    const end = findChunk(chunk, name, position, last);
    if (end === -1) return false;
    position = end;
  }
  return position === name.length;
}

/** Returns where the chunk ends, or -1. */
function findChunk(chunk: Chunk, name: string, start: number, toEnd: boolean): number {
  const furthest = chunk.afterStar ? name.length : start;
  for (let position = start; position <= furthest; position++) {
    const end = matchAtoms(chunk.atoms, name, position);
    if (end !== -1 && (!toEnd || end === name.length)) return end;
  }
  return -1;
}

function matchAtoms(atoms: readonly Atom[], name: string, start: number): number {
  let position = start;
  for (const atom of atoms) {
    if (isLiteral(atom)) {
      if (!name.startsWith(atom.bytes, position)) return -1;
      position += atom.bytes.length;
      continue;
    }
    if (position >= name.length) return -1;
    const { codePoint = 0xfffd, width } = decodeUtf8(name, position);
    if (atom !== ANY && !inClass(atom, codePoint)) return -1;
    position += width;
  }
  return position;
}

function inClass({ negated, ranges }: CharacterClass, codePoint: number): boolean {
  return ranges.some(([low, high]) => low <= codePoint && codePoint <= high) !== negated;
}
