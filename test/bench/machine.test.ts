import { describe, expect, test } from 'vitest';
import { describeMachine, renderMachine } from '../../bench/machine.ts';
import { freeBytes } from '../../bench/touch-memory.ts';

describe('free memory', () => {
  test('is what neither processes nor caches have', () => {
    expect(freeBytes('MemTotal:       24683520 kB\nMemFree:         7931904 kB\nMemAvailable:   22415360 kB\n')).toBe(
      7_931_904 * 1024,
    );
  });

  test('is nothing where the kernel does not tell', () => {
    expect(freeBytes('')).toBe(0);
  });
});

test('a report tells whether memory was touched before', () => {
  const machine = describeMachine('/');
  expect(renderMachine(machine)).not.toContain('touched');
  expect(renderMachine({ ...machine, touchedBytes: 2 ** 30 })).toMatch(/GiB \(touched before\), /);
});
