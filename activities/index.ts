/** All activities of a worker: each use case, with Temporal's heartbeats, cancellation and failures around it. */
import { Context } from '@temporalio/activity';
import type { OnRetry, Progress, ProgressState } from '../common/progress.ts';
import { accessCheck } from './access-check.ts';
import type { Activities } from './activities.ts';
import { audit } from './audit.ts';
import { backup } from './backup.ts';
import { check } from './check.ts';
import { copy } from './copy.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { prune } from './prune.ts';
import { recordRun } from './record-run.ts';
import { restoreTest } from './restore-test.ts';
import { retention } from './retention.ts';
import { sync } from './sync.ts';
import { toFailure } from './to-failure.ts';

/** A heartbeat each second, whether or not there is progress: it is also how a cancellation arrives. */
const HEARTBEAT_INTERVAL_MS = 1000;

type UseCase<Input, Output> = (dependencies: Dependencies, input: Input, context: CallContext) => Promise<Output>;

/** The activities of a worker. `dependenciesFor` gives each call its own, whose storages tell what they try again. */
export function createActivities(dependenciesFor: (onRetry: OnRetry) => Dependencies): Activities {
  const activity =
    <Input, Output>(useCase: UseCase<Input, Output>) =>
    (input: Input) =>
      runUseCase(dependenciesFor, useCase, input);
  return {
    sync: activity(sync),
    backup: activity(backup),
    copy: activity(copy),
    retention: activity(retention),
    prune: activity(prune),
    check: activity(check),
    accessCheck: activity(accessCheck),
    restoreTest: activity(restoreTest),
    audit: activity(audit),
    recordRun: activity(recordRun),
  };
}

/** Runs a use case as the current activity. */
export async function runUseCase<Input, Output>(
  dependenciesFor: (onRetry: OnRetry) => Dependencies,
  useCase: UseCase<Input, Output>,
  input: Input,
): Promise<Output> {
  const context = Context.current();
  const progress = new HeartbeatProgress(context);
  const dependencies = dependenciesFor((trouble) => progress.report({ trouble }));
  try {
    return await useCase(dependencies, input, { signal: context.cancellationSignal, progress });
  } catch (error) {
    throw toFailure(error, context);
  } finally {
    progress.stop();
  }
}

/** Reports the latest state once a second. */
class HeartbeatProgress implements Progress {
  #state: ProgressState = {};
  readonly #timer: NodeJS.Timeout;

  constructor(context: Context) {
    context.heartbeat(this.#state);
    this.#timer = setInterval(() => context.heartbeat(this.#state), HEARTBEAT_INTERVAL_MS);
  }

  report(state: ProgressState): void {
    this.#state = { ...this.#state, ...state };
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
