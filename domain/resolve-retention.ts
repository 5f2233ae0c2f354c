/** Turns a `retention` block into the rules of its runs. */
import { parseShare } from '../common/sizes.ts';
import type { Retention } from '../schemas/types.ts';
import type { RetentionRules } from './action.ts';
import type { ClassSettings } from './classes.ts';

/** Where the block says nothing of when. */
export const RETENTION_EVERY = '1d';
export const DEFAULT_MAX_FORGET = '50%';

/** `own`: the class of the policy, whose rules count where the block has none. */
export function resolveRetentionRules(
  { keep = 'class', proven = 1, maxForget = DEFAULT_MAX_FORGET, maxAge }: Retention,
  own: ClassSettings,
): RetentionRules {
  return {
    keep: keep === 'class' ? own.keep : keep,
    proven,
    maxForgetShare: parseShare(maxForget),
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}
