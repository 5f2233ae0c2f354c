import { createHash } from 'node:crypto';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createChunkWindow } from '../../repository/chunk-window.ts';
import { createChunker, MAX_CHUNK_BYTES, MIN_CHUNK_BYTES, parsePolynomial } from '../../repository/chunker.ts';
import type { Chunker } from '../../repository/chunker.ts';
import { requirePeer } from '../peers.ts';
import { realRestic } from './real-restic.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-chunker-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const POLYNOMIAL = 0x3da3358b4dc173n;

describe('the chunker', () => {
  const restic = requirePeer('restic');
  restic.it('cuts random, structured, sparse and oddly sized files exactly where restic cuts them', () => {
    const samples = sampleFiles();
    const source = path.join(folder, 'source');
    mkdirSync(source);
    for (const [name, content] of Object.entries(samples)) writeFileSync(path.join(source, name), content);
    const repository = realRestic(restic.command, path.join(folder, 'restic'));
    repository.run(['backup', '.'], { cwd: source });
    const config = JSON.parse(repository.run(['cat', 'config']));
    const snapshot = JSON.parse(repository.run(['cat', 'snapshot', listSnapshots(repository.run)]));
    const tree = JSON.parse(repository.run(['cat', 'blob', snapshot.tree]));
    const chunker = createChunker(parsePolynomial(config.chunker_polynomial));
    for (const node of tree.nodes as { name: string; content: string[] }[]) {
      const content = samples[node.name]!;
      const ids = chunks(chunker, content).map((chunk) => createHash('sha256').update(chunk).digest('hex'));
      expect([node.name, ids]).toEqual([node.name, node.content]);
    }
    expect(tree.nodes).toHaveLength(Object.keys(samples).length);
  });

  it('gives chunks that join to the file, none smaller than the minimum but the last, none larger than the maximum', () => {
    const chunker = createChunker(POLYNOMIAL);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12_000_000 }), fc.integer({ min: 0, max: 255 }), (size, seed) => {
        const content = noise(size, seed);
        const parts = chunks(chunker, content);
        expect(Buffer.concat(parts).equals(content)).toBe(true);
        for (const part of parts.slice(0, -1)) expect(part.length).toBeGreaterThanOrEqual(MIN_CHUNK_BYTES);
        for (const part of parts) expect(part.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
      }),
      { seed: 20261123, numRuns: 12 },
    );
  });

  it('finds the same cut wherever the chunk lies in the buffer and however much follows it', () => {
    const chunker = createChunker(POLYNOMIAL);
    const content = noise(10_000_000, 3);
    const cut = chunker.findCut(content, 0, content.length, true);
    const shifted = Buffer.concat([noise(777, 4), content]);
    expect(chunker.findCut(shifted, 777, shifted.length, true) - 777).toBe(cut);
    expect(chunker.findCut(content, 0, cut, false)).toBe(cut);
    expect(chunker.findCut(content, 0, cut - 1, false)).toBe(-1);
    expect(chunker.findCut(content, 0, cut - 1, true)).toBe(cut - 1);
  });

  it('finds the same cuts in WebAssembly as in JavaScript, in every sample', () => {
    const chunker = createChunker(POLYNOMIAL);
    const window = createChunkWindow(POLYNOMIAL, 25 * 1024 * 1024);
    for (const [name, content] of Object.entries(sampleFiles())) {
      window.bytes.fill(0xa5);
      window.bytes.set(content);
      const cuts: number[] = [];
      for (let start = 0; start < content.length; start = cuts.at(-1)!) {
        cuts.push(window.findCut(start, content.length, true));
      }
      let end = 0;
      expect([name, cuts]).toEqual([name, chunks(chunker, content).map((chunk) => (end += chunk.length))]);
    }
  });

  it('asks for more bytes, in WebAssembly too, exactly until the cut is certain', () => {
    const chunker = createChunker(POLYNOMIAL);
    const window = createChunkWindow(POLYNOMIAL, 10 * 1024 * 1024);
    window.bytes.set(noise(10 * 1024 * 1024, 11));
    fc.assert(
      fc.property(fc.nat(2_000_000), fc.nat(9_000_000), fc.boolean(), (start, size, last) => {
        const end = Math.min(start + size, window.bytes.length);
        expect(window.findCut(start, end, last)).toBe(chunker.findCut(window.bytes, start, end, last));
      }),
      { seed: 20261123, numRuns: 60 },
    );
  });

  it('refuses a polynomial that is not of degree 53', () => {
    for (const hex of ['', '3', '7da3358b4dc173', 'no hex']) expect(() => parsePolynomial(hex)).toThrow(/degree 53/);
    expect(parsePolynomial('3da3358b4dc173')).toBe(POLYNOMIAL);
  });
});

function listSnapshots(run: (args: string[]) => string): string {
  return JSON.parse(run(['snapshots', '--json']))[0].id;
}

function chunks(chunker: Chunker, content: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < content.length;) {
    const end = chunker.findCut(content, start, content.length, true);
    parts.push(content.subarray(start, end));
    start = end;
  }
  return parts;
}

function sampleFiles(): Record<string, Buffer> {
  const long = noise(24 * 1024 * 1024, 1);
  return {
    random: long,
    'random-moved': Buffer.concat([noise(4321, 2), long.subarray(0, 6_000_000), long.subarray(6_000_123, 12_000_000)]),
    zeros: Buffer.alloc(17 * 1024 * 1024 + 5),
    ones: Buffer.alloc(18 * 1024 * 1024 + 1, 1),
    holes: Buffer.concat([noise(700_000, 5), Buffer.alloc(9_000_000), noise(1_500_000, 6), Buffer.alloc(600_000)]),
    text: Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(300_000)),
    counters: Buffer.from(Uint32Array.from({ length: 2_500_000 }, (_, index) => index).buffer),
    empty: Buffer.alloc(0),
    one: noise(1, 7),
    'below-minimum': noise(MIN_CHUNK_BYTES - 1, 8),
    minimum: noise(MIN_CHUNK_BYTES, 9),
    'above-minimum': noise(MIN_CHUNK_BYTES + 1, 10),
    'zeros-minimum': Buffer.alloc(MIN_CHUNK_BYTES),
    'zeros-above-minimum': Buffer.alloc(MIN_CHUNK_BYTES + 1),
    'ones-maximum': Buffer.alloc(MAX_CHUNK_BYTES, 1),
    'ones-above-maximum': Buffer.alloc(MAX_CHUNK_BYTES + 1, 1),
  };
}

/** Reproducible bytes without a pattern: a counter under a hash. */
function noise(size: number, seed: number): Buffer {
  const parts: Buffer[] = [];
  for (let made = 0, block = 0; made < size; block++) {
    const key = createHash('sha512').update(`${seed}/${block}`).digest();
    const part = Buffer.alloc(Math.min(65536, size - made));
    // One hash a block, spread by a xorshift, is fast enough for tens of megabytes.
    let state = key.readUInt32LE(0) | 1;
    for (let offset = 0; offset < part.length; offset++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      part[offset] = state;
    }
    parts.push(part);
    made += part.length;
  }
  return Buffer.concat(parts);
}
