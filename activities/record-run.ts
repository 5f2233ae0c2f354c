/** Use case: writes the record of one run to evidence, once. */
import { throwIfAborted } from '../common/errors.ts';
import type { EvidenceSettings } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

/** Repeating it with the same record succeeds; another record under the same ids is an IntegrityError. */
export async function recordRun(
  deps: Dependencies,
  input: { evidence: EvidenceSettings; record: RunRecord },
  context: CallContext,
): Promise<void> {
  throwIfAborted(context.signal);
  const evidence = await deps.openEvidence(input.evidence);
  try {
    await evidence.writeRun(input.record);
  } finally {
    await evidence.close();
  }
}
