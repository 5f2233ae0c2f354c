/** What a hostile or broken writer may have stored: random bytes, mutated bytes, and JSON with unlikely values; made by fast-check. */
import fc from 'fast-check';

/** A value that is written into JSON as it is. */
class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const DEEP = 12_000;

/** What stands where a number, a text, a list or an object was expected: JSON as it is written. */
const UNLIKELY: readonly string[] = [
  'null true 0 -1 1.5 2147483648 4294967296 4294967295 9007199254740992 1e308 1e999 -0',
  '18446744073709551615 18446744073709551616 [] {} [null] [[]] [{}] {"toString":1,"valueOf":1} {"length":-1}',
  '{"__proto__":{"id":"x"}} "" "x" "/" ".." "__proto__" "\\u0000" "\\ud800" "\\\\x"',
  '"9999-99-99T99:99:99Z" "0000-00-00T00:00:00+99:99"',
]
  .flatMap((line) => line.split(' '))
  .concat(
    ['a', 'A', 'z'].map((digit) => `"${digit.repeat(64)}"`),
    '9'.repeat(400),
    '['.repeat(DEEP) + ']'.repeat(DEEP),
    '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP),
  );

const HOSTILE_KEYS = ['__proto__', 'constructor', 'toString', 'then', 'length', '', 'ID', 'nodes'];

/** Random bytes, the sample with a few bytes changed, and the document with a few values changed. */
export function hostileBytes(sample: Buffer, document?: unknown): fc.Arbitrary<Buffer> {
  const ways = [
    { arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)), weight: 1 },
    { arbitrary: mutatedBytes(sample), weight: 4 },
  ];
  if (document !== undefined) ways.push({ arbitrary: mutatedJson(document), weight: 5 });
  return fc.oneof(...ways);
}

/** One to five edits: a bit flipped, a byte set, bytes removed, doubled or inserted, the end cut off. */
export function mutatedBytes(sample: Buffer): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    kind: fc.constantFrom('flip', 'set', 'remove', 'double', 'insert', 'cut'),
    at: fc.nat(2 ** 30),
    value: fc.constantFrom(0, 1, 2, 3, 0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xff),
    count: fc.integer({ min: 1, max: 40 }),
  });
  return fc
    .array(edit, { minLength: 1, maxLength: 5 })
    .map((edits) => edits.reduce((bytes, { kind, at, value, count }) => apply(bytes, kind, at, value, count), sample));
}

function apply(bytes: Buffer, kind: string, anywhere: number, value: number, count: number): Buffer {
  const at = anywhere % (bytes.length + 1);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  if (kind === 'cut') return before;
  if (kind === 'remove') return Buffer.concat([before, after.subarray(count)]);
  if (kind === 'double') return Buffer.concat([before, after.subarray(0, count), after]);
  if (kind === 'insert') return Buffer.concat([before, Buffer.alloc(count, value), after]);
  if (after.length === 0) return bytes;
  const changed = kind === 'flip' ? after[0]! ^ (1 << (count & 7)) : value;
  return Buffer.concat([before, Buffer.of(changed), after.subarray(1)]);
}

/** One to three values replaced, removed, or joined by another under an unlikely key. */
export function mutatedJson(document: unknown): fc.Arbitrary<Buffer> {
  const change = fc.record({
    kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'add'),
    at: fc.nat(2 ** 30),
    value: fc.constantFrom(...UNLIKELY).map((text) => new RawJson(text)),
    key: fc.constantFrom(...HOSTILE_KEYS),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    let changed: unknown = structuredClone(document);
    for (const { kind, at, value, key } of changes) changed = alter(changed, kind, at, value, key);
    return Buffer.from(writeJson(changed));
  });
}

interface Place {
  holder: Record<string, unknown>;
  key: string;
}

/** Changes one of the values of the document, the document itself included. */
function alter(document: unknown, kind: string, anywhere: number, value: RawJson, key: string): unknown {
  const root: Record<string, unknown> = { document };
  const places = collectPlaces(root);
  const place = places[anywhere % places.length];
  if (place === undefined) return document;
  const target = place.holder[place.key];
  if (kind === 'replace') setOwn(place.holder, place.key, value);
  else if (kind === 'remove') delete place.holder[place.key];
  else if (Array.isArray(target)) target.push(value);
  else if (typeof target === 'object' && target !== null) setOwn(target as Record<string, unknown>, key, value);
  return root['document'];
}

function collectPlaces(holder: Record<string, unknown>): Place[] {
  return Object.keys(holder).flatMap((key) => {
    const value = holder[key];
    const inner =
      typeof value === 'object' && value !== null && !(value instanceof RawJson)
        ? collectPlaces(value as Record<string, unknown>)
        : [];
    return [{ holder, key }, ...inner];
  });
}

/** Also for the key `__proto__`. */
function setOwn(holder: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, writable: true, configurable: true });
}

function writeJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${Array.from(value, (item: unknown) => writeJson(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${writeJson(member)}`);
  return `{${members.join(',')}}`;
}
