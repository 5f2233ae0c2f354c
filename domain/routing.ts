/** Where work goes in Temporal: the workflow type and the activity of each kind of action, and the task queues. */
import type { ActionKind } from './action.ts';

/** Each kind's workflow and its one activity carry this name. */
export const WORKFLOW_TYPES = {
  sync: 'sync',
  backup: 'backup',
  copy: 'copy',
  retention: 'retention',
  prune: 'prune',
  check: 'check',
  'access-check': 'accessCheck',
  'restore-test': 'restoreTest',
  audit: 'audit',
} as const satisfies Record<ActionKind, string>;

export type WorkflowType = (typeof WORKFLOW_TYPES)[ActionKind];

/** The queue of all workflows, and of activities that any worker may run. */
export const MAIN_TASK_QUEUE = 'holdfast';

/** The queue whose tasks only the workers of one host take: its sources and disks are there. */
export function hostTaskQueue(host: string): string {
  return `${MAIN_TASK_QUEUE}-host-${host}`;
}

/** The queue for an activity: a host's own, or the main one when any worker will do. */
export function taskQueueFor(host: string | undefined): string {
  return host === undefined ? MAIN_TASK_QUEUE : hostTaskQueue(host);
}
