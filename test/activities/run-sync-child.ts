/** Runs a sync in a process of its own, which root gives none of its power over permissions. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ActionRequest } from '../../domain/action.ts';
import type { ActionOutcome } from '../../domain/run-record.ts';
import { WITHOUT_ROOT_POWERS } from '../cli/run-cli.ts';

export const SYNC_CHILD = fileURLToPath(new URL('sync-child.ts', import.meta.url));

/** Root reads everything, unless it gives that power away. */
export function runUnprivileged(request: ActionRequest): ActionOutcome {
  const command = [...WITHOUT_ROOT_POWERS, process.execPath, SYNC_CHILD, JSON.stringify(request)];
  return JSON.parse(execFileSync(command[0]!, command.slice(1), { encoding: 'utf8' })) as ActionOutcome;
}
