/** Who has lately asked a task queue for work. */
import type { Connection } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';

const { TASK_QUEUE_TYPE_ACTIVITY, TASK_QUEUE_TYPE_WORKFLOW } = proto.temporal.api.enums.v1.TaskQueueType;

/** A worker asks, and waits for an answer, for a minute; the server remembers it for some minutes more. */
const ASKS_EVERY_MS = 70_000;

/** `pid@host` of the workers that asked within the last minute: those that live, and those that died since. */
export async function recentWorkers(
  connection: Connection,
  { namespace, queue, type }: { namespace: string; queue: string; type: 'workflow' | 'activity' },
): Promise<string[]> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: type === 'workflow' ? TASK_QUEUE_TYPE_WORKFLOW : TASK_QUEUE_TYPE_ACTIVITY,
  });
  const since = Date.now() - ASKS_EVERY_MS;
  const recent = (pollers ?? []).filter(
    ({ lastAccessTime }) => lastAccessTime != null && tsToMs(lastAccessTime) >= since,
  );
  return [...new Set(recent.flatMap(({ identity }) => (identity ? [identity] : [])))].toSorted();
}
