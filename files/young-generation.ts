/** How much of what was just made V8 lets gather before it collects: its young generation. */
import v8 from 'node:v8';

/** Other versions of Node may not know the flag, and would say so on every start. */
const KNOWS_FLAG = process.versions.node.startsWith('24.');

/**
 * From now on it stays as large as it is, in threads that start later as small as it begins. It would grow to tens of
 * megabytes that are never given back; where threads do the work, collecting a small one often costs nothing measurable.
 */
export function keepYoungGeneration(): void {
  if (KNOWS_FLAG) v8.setFlagsFromString('--semi-space-growth-factor=1');
}
