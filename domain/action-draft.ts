/** An action before its digest. */
import type { Action } from './action.ts';

export type ActionDraft = Omit<Action, 'digest'>;
