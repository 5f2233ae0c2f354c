/** How long hosts may sleep before missed runs become findings. */
import { parseDuration } from '../common/durations.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Policy } from '../schemas/types.ts';

/** Seconds of silence of the policy's host that are no finding; 0: each missed run is one. */
export function offlineTolerance(policy: LoadedDocument<Policy>): number {
  const { offline } = policy.content.spec.source;
  return offline === undefined ? 0 : parseDuration(offline.tolerate);
}

/** What several policies share tolerates only as much as the strictest of them. */
export function smallestTolerance(policies: readonly LoadedDocument<Policy>[]): number {
  return policies.length === 0 ? 0 : Math.min(...policies.map(offlineTolerance));
}
