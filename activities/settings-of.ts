/** The settings of a request, of the kind that a use case needs. */
import { HoldfastError } from '../common/errors.ts';
import type { ActionKind, ActionRequest, ActionSettings } from '../domain/action.ts';

/** Throws Unexpected when a workflow handed a request to the wrong use case. */
export function settingsOf<Kind extends ActionKind>(
  request: ActionRequest,
  kind: Kind,
): Extract<ActionSettings, { kind: Kind }> {
  const { settings } = request.action;
  if (settings.kind === kind) return settings as Extract<ActionSettings, { kind: Kind }>;
  throw new HoldfastError('Unexpected', `the action ${request.action.id} is no ${kind} but a ${settings.kind}`);
}
