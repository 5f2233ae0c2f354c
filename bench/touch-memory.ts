/**
 * Touches memory that nobody has used yet. Of a virtual machine's memory many hosts give out a page only when it is first
 * written, which costs a processor second or two a GiB: without this, whatever is measured on a new machine pays for pages
 * that every later run has for nothing, and all programs look more alike than they are.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Left to everything else that runs. */
const SPARED_BYTES = 1024 ** 3;

/** Bytes that were touched and given back; 0 when there is nothing to touch, or it could not be had. */
export function touchFreeMemory(): number {
  const bytes = Math.min(freeBytes(readFileSync('/proc/meminfo', 'utf8')), process.availableMemory()) - SPARED_BYTES;
  if (bytes <= 0) return 0;
  // In a process of its own, whose end gives all of it back at once.
  const child = fileURLToPath(new URL('./touch-memory-child.ts', import.meta.url));
  const { status } = spawnSync(process.execPath, [child, String(bytes)], { stdio: 'ignore' });
  return status === 0 ? bytes : 0;
}

/** What no process and no cache has now; `meminfo` in the form of /proc/meminfo. */
export function freeBytes(meminfo: string): number {
  return Number(/^MemFree:\s*(\d+) kB$/m.exec(meminfo)?.[1] ?? 0) * 1024;
}
