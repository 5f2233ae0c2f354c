/** The workers of this process: one for workflows and activities that any worker may run, one for this host's own activities. */
import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { MAIN_TASK_QUEUE, hostTaskQueue } from '../domain/routing.ts';
import { connectWorker, type EngineAddress } from './connection.ts';

/** The workflows' bundle: a file of the installed package, or what `keep-bundle.ts` has of a checkout. */
export type WorkflowSource = { codePath: string } | { code: string };

export interface TaskWorkerOptions {
  engine: EngineAddress;
  workflows: WorkflowSource;
  /** `createActivities(dependencies)`. */
  activities: object;
  hostname: string;
  /** Activities at once on each of the two queues; each may use all cores already. */
  concurrency?: number;
}

export interface TaskWorker {
  /** Ends when the worker has stopped; rejects when it failed on its own. */
  readonly stopped: Promise<void>;
  /** Cancels running activities and takes no more tasks. Returns at once; wait for `stopped`. */
  stop(): void;
}

const DEFAULT_CONCURRENCY = 2;

/** A cancellation arrives with a heartbeat's answer, so that this bounds how late it comes. */
const HEARTBEAT_THROTTLE = '500ms';

/** An activity that has not stopped by then is left behind: the process must end. */
const FORCE_AFTER = '1800ms';

/** Starts polling. Throws EngineUnreachable. Install the runtime first. */
export async function startTaskWorker(options: TaskWorkerOptions): Promise<TaskWorker> {
  const connection = await connectWorker(options.engine);
  try {
    const common: Omit<WorkerOptions, 'taskQueue'> = {
      connection,
      namespace: options.engine.namespace,
      identity: `${process.pid}@${options.hostname}`,
      activities: options.activities,
      maxConcurrentActivityTaskExecutions: options.concurrency ?? DEFAULT_CONCURRENCY,
      maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
      defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
      shutdownGraceTime: 0,
      shutdownForceTime: FORCE_AFTER,
    };
    const main = await Worker.create({
      ...common,
      workflowBundle: options.workflows,
      taskQueue: MAIN_TASK_QUEUE,
    });
    const host = await Worker.create({ ...common, taskQueue: hostTaskQueue(options.hostname) });
    return run([main, host], connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

function run(workers: Worker[], connection: NativeConnection): TaskWorker {
  const stop = () => {
    // Workflows first: once their worker takes no more tasks, nothing schedules an interrupted action again here.
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run());
  // When one fails, the other must not go on alone: a host half served looks alive.
  for (const each of runs) each.catch(stop);
  const finish = async () => {
    const results = await Promise.allSettled(runs);
    await connection.close();
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  };
  return { stopped: finish(), stop };
}
