import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { allocateLarge, giveBackFreed, giveBackMemory } from '../../repository/native-memory.ts';

const MiB = 1024 * 1024;
const isLinux = process.platform === 'linux';

it.runIf(isLinux)('leaves memory that can be used, and holds nothing of what was in it', () => {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0xa5);
  giveBackMemory(memory);
  expect(bytes.some((byte) => byte !== 0)).toBe(false);
  bytes.fill(1);
  expect(bytes.at(-1)).toBe(1);
});

it('gives memory that can be written to its last byte, of any size', () => {
  for (const bytes of [0, 1, 4 * MiB - 1, 4 * MiB, 24 * MiB + 12_345]) {
    const memory = allocateLarge(bytes).fill(0xa5);
    expect(memory.length).toBe(bytes);
    expect(memory.byteOffset).toBe(0);
    expect(memory.buffer.byteLength).toBe(bytes);
  }
});

it.runIf(isLinux && givesLargePages())('fills the memory of a pack by large pages', () => {
  const faults = (): number => process.resourceUsage().minorPageFault;
  const memory = allocateLarge(64 * MiB);
  const before = faults();
  memory.fill(1);
  // 16,384 with pages of 4 KiB. Of a machine with little memory in one piece some may be such.
  expect(faults() - before).toBeLessThan(8000);
});

it.runIf(isLinux && isGlibc())('gives back what was freed between pieces that are still in use', () => {
  const pieces = Array.from({ length: 3200 }, () => Buffer.allocUnsafeSlow(20 * 1024).fill(1));
  // Every hundredth stays, so that the C library cannot give back the rest by itself.
  for (const [number, piece] of pieces.entries()) if (number % 100 !== 99) piece.buffer.transfer(0);
  const before = process.memoryUsage.rss();
  giveBackFreed();
  expect(before - process.memoryUsage.rss()).toBeGreaterThan(30 * MiB);
  expect(pieces.filter(({ length }) => length > 0)).toHaveLength(32);
});

function givesLargePages(): boolean {
  try {
    return !readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').includes('[never]');
  } catch {
    return false;
  }
}

function isGlibc(): boolean {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime !== undefined;
}
