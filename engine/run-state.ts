/** Where an open run stands, as the server tells it: the last heartbeat of its work, and what it waits for. */
import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import proto, { type temporal } from '@temporalio/proto';
import type { ProgressState } from '../common/progress.ts';

type Pending = temporal.api.workflow.v1.IPendingActivityInfo;
type Payload = temporal.api.common.v1.IPayload;

const ActivityState = proto.temporal.api.enums.v1.PendingActivityState;
const TaskState = proto.temporal.api.enums.v1.PendingWorkflowTaskState;

export type RunWait =
  /** The work failed in a way that may pass, and is tried again. */
  | { on: 'retry'; failed: number; attempts: number; atMs: number; message: string; hint?: string }
  /** A worker is to take the run itself, or the work of an activity. */
  | { on: 'worker'; of: 'run' | 'work'; activity?: string }
  /** A worker has it, and heartbeats each second while it lives. */
  | { on: 'heartbeat'; worker: string };

export interface RunState {
  /** Of the last heartbeat, which may be an earlier attempt's. */
  progress?: ProgressState;
  /** Absent: something is under way in the server itself. */
  wait?: RunWait;
  /** Another one whenever anything has moved: what stays the same for long does not move. */
  step: string;
}

/** Throws what the client throws. */
export async function lookAtRun(client: Client, workflowId: string, signal: AbortSignal): Promise<RunState> {
  const handle = client.workflow.getHandle(workflowId);
  const { raw } = await client.withAbortSignal(signal, () => handle.describe());
  const [pending] = raw.pendingActivities ?? [];
  if (pending === undefined) {
    const isWaiting = raw.pendingWorkflowTask?.state === TaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED;
    return { step: `run ${isWaiting}`, ...(isWaiting ? { wait: { on: 'worker', of: 'run' } } : {}) };
  }
  const { activityId, attempt, state, lastHeartbeatTime } = pending;
  const progress = contentOf(pending.heartbeatDetails?.payloads) as ProgressState | undefined;
  const wait = waitOf(pending);
  return {
    step: [activityId, attempt, state, msOf(lastHeartbeatTime), wait?.on].join(' '),
    ...(progress === undefined ? {} : { progress }),
    ...(wait === undefined ? {} : { wait }),
  };
}

function waitOf(pending: Pending): RunWait | undefined {
  const { state, attempt, maximumAttempts, scheduledTime, lastFailure, lastWorkerIdentity, activityType } = pending;
  if (state === ActivityState.PENDING_ACTIVITY_STATE_STARTED)
    return { on: 'heartbeat', worker: lastWorkerIdentity ?? '' };
  if (state !== ActivityState.PENDING_ACTIVITY_STATE_SCHEDULED) return undefined;
  const atMs = msOf(scheduledTime);
  if (lastFailure == null || atMs <= Date.now())
    return { on: 'worker', of: 'work', ...(activityType?.name == null ? {} : { activity: activityType.name }) };
  const details = contentOf(lastFailure.applicationFailureInfo?.details?.payloads) as { hint?: string } | undefined;
  return {
    on: 'retry',
    failed: (attempt ?? 1) - 1,
    attempts: maximumAttempts ?? 0,
    atMs,
    message: lastFailure.message ?? '',
    ...(details?.hint === undefined ? {} : { hint: details.hint }),
  };
}

function contentOf(payloads: Payload[] | null | undefined): unknown {
  const data = payloads?.[0]?.data;
  return data == null ? undefined : JSON.parse(Buffer.from(data).toString());
}

function msOf(time: Pending['scheduledTime']): number {
  return time == null ? 0 : tsToMs(time);
}
