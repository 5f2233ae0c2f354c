import { expect, it } from 'vitest';
import { giveBackMemory } from '../../repository/native-memory.ts';

it.runIf(process.platform === 'linux')('leaves memory that can be used, and holds nothing of what was in it', () => {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(0xa5);
  giveBackMemory(memory);
  expect(bytes.some((byte) => byte !== 0)).toBe(false);
  bytes.fill(1);
  expect(bytes.at(-1)).toBe(1);
});
