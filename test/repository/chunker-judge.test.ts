import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { fromText } from '../../files/byte-path.ts';
import { isReadFailure, WINDOW_BYTES } from '../../repository/archive-messages.ts';
import { createChunker, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, parsePolynomial } from '../../repository/chunker.ts';
import { createCursor } from '../../repository/file-cursor.ts';
import { FileReader } from '../../repository/file-reader.ts';
import { isIrreducible } from '../../repository/polynomial.ts';
import { requirePeer } from '../peers.ts';

const go = requirePeer('go');

const JUDGE = fileURLToPath(new URL('chunker-judge', import.meta.url));
const LARGEST_FILE_BYTES = 24 * 1024 * 1024;

interface Answer {
  irreducible: boolean;
  /** Where each chunk ends, from the beginning of the file. */
  ends: number[];
}

go.describe('the chunker of restic itself (its Go module)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-judge-'));
  const program = path.join(folder, 'judge');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(() => execFileSync(go.command, ['build', '-o', program, '.'], { cwd: JUDGE, stdio: 'pipe' }));

  function judge(questions: { polynomial: string; path?: string; length?: number }[]): Answer[] {
    const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
    const output = execFileSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
  }

  go.it(
    'cuts where ours cuts, for random polynomials and data, however a file is read',
    () => {
      fc.assert(
        fc.property(irreducible(), fc.array(content(), { minLength: 4, maxLength: 4 }), (polynomial, parts) => {
          const files = parts.map((segments, number) => writeContent(path.join(folder, `file-${number}`), segments));
          const answers = judge(files.map(({ file, bytes }) => ({ polynomial, path: file, length: bytes.length })));
          for (const [number, { file, bytes }] of files.entries()) {
            const theirs = { segments: parts[number], ends: answers[number]!.ends };
            expect({ segments: parts[number], ends: endsInMemory(polynomial, bytes) }).toEqual(theirs);
            expect({ segments: parts[number], ends: endsOfWholeFile(polynomial, file) }).toEqual(theirs);
            expect({ segments: parts[number], ends: endsOfSlices(polynomial, file) }).toEqual(theirs);
          }
        }),
        { seed: 20261123, numRuns: 40, endOnFailure: true },
      );
    },
    300_000,
  );

  go.it('calls the same polynomials irreducible', () => {
    const random = fc.sample(fc.bigInt({ min: 2n ** 53n, max: 2n ** 54n - 1n }), { seed: 20261123, numRuns: 400 });
    const chosen = fc.sample(irreducible(), { seed: 20261123, numRuns: 20 }).map((hex) => BigInt(`0x${hex}`));
    const polynomials = [...random, ...chosen];
    const answers = judge(polynomials.map((polynomial) => ({ polynomial: polynomial.toString(16) })));
    expect(polynomials.map(isIrreducible)).toEqual(answers.map((answer) => answer.irreducible));
    expect(answers.filter((answer) => answer.irreducible).length).toBeGreaterThan(20);
  });
});

interface Segment {
  kind: 'noise' | 'zeros' | 'byte' | 'pattern' | 'counter';
  bytes: number;
  seed: number;
}

/** The first irreducible polynomial of degree 53 from a random one on, hexadecimal. */
function irreducible(): fc.Arbitrary<string> {
  return fc.bigInt({ min: 2n ** 53n, max: 2n ** 54n - 1n }).map((from) => {
    let candidate = from | 1n;
    while (!isIrreducible(candidate)) candidate = candidate + 2n >= 2n ** 54n ? 2n ** 53n + 1n : candidate + 2n;
    return candidate.toString(16);
  });
}

/** A file in some parts, whose lengths lie often at an edge: of the rolling window, of a chunk, of what is read at once, of the kernel's lanes. */
function content(): fc.Arbitrary<Segment[]> {
  const edges = [0, 64, 65_536, MIN_CHUNK_BYTES - 64, MIN_CHUNK_BYTES, MAX_CHUNK_BYTES, WINDOW_BYTES];
  const atEdge = fc
    .tuple(fc.constantFrom(...edges), fc.integer({ min: -70, max: 70 }))
    .map(([edge, distance]) => Math.max(edge + distance, 0));
  const near = fc.constantFrom(63, 64, 65, MIN_CHUNK_BYTES - 64, MIN_CHUNK_BYTES - 65, MIN_CHUNK_BYTES - 63);
  return fc.array(
    fc.record({
      kind: fc.constantFrom(
        'noise' as const,
        'noise' as const,
        'zeros' as const,
        'byte' as const,
        'pattern' as const,
        'counter' as const,
      ),
      bytes: fc.oneof(atEdge, near, fc.nat(3_000_000)),
      seed: fc.nat(2 ** 31 - 1),
    }),
    { minLength: 1, maxLength: 7 },
  );
}

function writeContent(file: string, segments: readonly Segment[]): { file: string; bytes: Buffer } {
  const bytes = Buffer.concat(segments.map(makeSegment)).subarray(0, LARGEST_FILE_BYTES);
  writeFileSync(file, bytes);
  return { file, bytes };
}

function makeSegment({ kind, bytes, seed }: Segment): Buffer {
  if (kind === 'zeros') return Buffer.alloc(bytes);
  if (kind === 'byte') return Buffer.alloc(bytes, (seed % 255) + 1);
  if (kind === 'noise') return keyStream(bytes, seed);
  // The repeated part is shorter or longer than the rolling window.
  if (kind === 'pattern') return Buffer.alloc(bytes, keyStream((seed % 200) + 1, seed));
  return Buffer.from(Uint32Array.from({ length: Math.ceil(bytes / 4) }, (_, index) => index + seed).buffer, 0, bytes);
}

/** Reproducible bytes without a pattern, fast. */
function keyStream(bytes: number, seed: number): Buffer {
  const nonce = Buffer.alloc(16);
  nonce.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), nonce).update(Buffer.alloc(bytes));
}

function endsInMemory(polynomial: string, bytes: Buffer): number[] {
  const chunker = createChunker(parsePolynomial(polynomial));
  const ends: number[] = [];
  while ((ends.at(-1) ?? 0) < bytes.length) ends.push(chunker.findCut(bytes, ends.at(-1) ?? 0, bytes.length, true));
  return ends;
}

function endsOfWholeFile(polynomial: string, file: string): number[] {
  const { reader, sink, ends } = openReader(polynomial);
  const stat = statSync(file, { bigint: true });
  const { ino, size, mtimeNs, ctimeNs } = stat;
  const identity = { inode: ino, sizeBytes: Number(size), mtimeNs, ctimeNs };
  const read = reader.readFile({ path: fromText(file), identity }, sink);
  expect(isReadFailure(read)).toBe(false);
  return ends;
}

/** As threads do that share a large file: each continues where another stopped. */
function endsOfSlices(polynomial: string, file: string): number[] {
  const readers = [openReader(polynomial), openReader(polynomial)];
  const cursor = createCursor();
  const descriptor = openSync(file, 'r');
  try {
    const ends: number[] = [];
    for (let turn = 0; ; turn++) {
      const { reader, sink, ends: taken } = readers[turn % 2]!;
      taken.length = 0;
      const { slice, failure } = reader.readSlice(descriptor, cursor, sink);
      expect(failure).toBeUndefined();
      if (slice === undefined) return ends;
      for (const end of taken) ends.push(slice.offset + end);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** A reader that notes where chunks end, counted from where it began. */
function openReader(polynomial: string) {
  const ends: number[] = [];
  const sink = (plain: Uint8Array): string => {
    ends.push((ends.at(-1) ?? 0) + plain.length);
    return '';
  };
  return { reader: new FileReader(polynomial, new Int32Array(1)), sink, ends };
}
