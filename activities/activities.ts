/** What workflows can have done: the interface of all activities. Workflows import these types and nothing else from here. */
import type { ActionRequest } from '../domain/action.ts';
import type { ActionOutcome, RunRecord } from '../domain/run-record.ts';
import type { EvidenceSettings } from '../domain/action.ts';

/**
 * Each runs one action and hands back a summary; each may be repeated, and may overlap with an attempt that was
 * thought dead. Failures are ApplicationFailures whose type is the ErrorCode.
 */
export interface Activities {
  sync(request: ActionRequest): Promise<ActionOutcome>;
  backup(request: ActionRequest): Promise<ActionOutcome>;
  copy(request: ActionRequest): Promise<ActionOutcome>;
  retention(request: ActionRequest): Promise<ActionOutcome>;
  prune(request: ActionRequest): Promise<ActionOutcome>;
  check(request: ActionRequest): Promise<ActionOutcome>;
  accessCheck(request: ActionRequest): Promise<ActionOutcome>;
  restoreTest(request: ActionRequest): Promise<ActionOutcome>;
  audit(request: ActionRequest): Promise<ActionOutcome>;
  /** Writes the run record once; identical bytes again are a success. */
  recordRun(input: { evidence: EvidenceSettings; record: RunRecord }): Promise<void>;
}
