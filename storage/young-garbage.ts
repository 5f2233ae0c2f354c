/** Large pieces that live for a moment are collected early, which is cheap, and not with everything else, which is not. */
import v8 from 'node:v8';
import { collectYoung } from '../files/collector.ts';

/** Of what was made since the last collection. Sooner, and much of it is still needed and counts as old from then on. */
const COLLECT_EVERY_BYTES = 12 * 1024 * 1024;

/** Other versions of Node may not know the flag, and would say so on stderr. */
const KNOWS_FLAG = process.versions.node.startsWith('24.');

let made = 0;
let isFirst = true;

/**
 * Tells that so many bytes were taken for what will be garbage in a moment. V8 lets pieces of a quarter of a MiB lie until
 * they are more than all that lives, and then marks the whole heap: up to a second of processor time for each GiB. A
 * collection of the young generation alone takes half a millisecond. It does not always suffice: in some runs V8 sets itself
 * so low a limit that it goes on marking, as it would have without.
 */
export function madeGarbage(bytes: number): void {
  made += bytes;
  if (made < COLLECT_EVERY_BYTES) return;
  made = 0;
  // So little is collected at once by one thread: the others would have to be woken, and waited for where the processors have other work.
  if (isFirst && KNOWS_FLAG) v8.setFlagsFromString('--no-parallel-scavenge');
  isFirst = false;
  collectYoung();
}
