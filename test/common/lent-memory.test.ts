import { expect, it } from 'vitest';
import { giveBack, keepMemory, lendPiece, takeMemory } from '../../common/lent-memory.ts';

const MiB = 1024 * 1024;

it('gives out what came back, once, and only by its own length', () => {
  const memory = Buffer.alloc(1001);
  const piece = lendPiece(memory, 10);
  expect([piece.length, takeMemory(1001)]).toEqual([10, undefined]);
  expect(giveBack(piece)).toBe(true);
  expect(giveBack(piece)).toBe(false);
  expect([takeMemory(1002), takeMemory(10)]).toEqual([undefined, undefined]);
  expect(takeMemory(1001)).toBe(memory);
  expect(takeMemory(1001)).toBeUndefined();
});

it('takes no part of a piece for the whole, and nothing that was not lent', () => {
  const memory = Buffer.alloc(2001);
  const piece = lendPiece(memory, 2001);
  expect(giveBack(piece.subarray(0, 1000))).toBe(false);
  expect(giveBack(piece.subarray())).toBe(false);
  expect(giveBack(memory)).toBe(false);
  expect(takeMemory(2001)).toBeUndefined();
});

it('keeps no more than 8 MiB of a length', () => {
  for (let count = 0; count < 12; count++) keepMemory(Buffer.alloc(MiB));
  const kept = Array.from({ length: 12 }, () => takeMemory(MiB)).filter((memory) => memory !== undefined);
  expect(kept).toHaveLength(8);
});
