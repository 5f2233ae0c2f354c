/** What an operator's levers work on: what is in force, its evidence, and its engine. */
import type { Action, ActionRequest } from '../domain/action.ts';
import type { ApplyRecord } from '../domain/apply-record.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { CliContext } from './command.ts';
import type { EngineSession } from './engine-session.ts';
import { requestFor } from './request-for.ts';

export interface Operation {
  /** Absent: nothing was ever applied. */
  record: ApplyRecord | undefined;
  evidence: EvidenceStore;
  /** Connects when it is first asked for; an embedded engine that does not run is started for the time. */
  openSession(): Promise<EngineSession>;
  /** What the schedule of an action in force starts. */
  requestOf(this: void, action: Action): ActionRequest;
}

/** Throws EngineUnreachable, and InvalidPolicy when the documents that say where engine and evidence are have errors. */
export async function withOperation<Result>(
  context: CliContext,
  options: { policies?: string },
  work: (operation: Operation) => Promise<Result>,
): Promise<Result> {
  const [{ lookUpSurroundings }, { createDependencies }, { openEngine }] = await Promise.all([
    import('./prepare-policies.ts'),
    import('../worker.ts'),
    import('./engine-session.ts'),
  ]);
  const paths = options.policies === undefined ? [] : [options.policies];
  const { compiled, engine, machine } = await lookUpSurroundings(context, paths);
  const evidence = await createDependencies(machine).openEvidence(compiled.evidence);
  let session: EngineSession | undefined;
  try {
    const record = await evidence.latestApply();
    return await work({
      record,
      evidence,
      openSession: async () => (session ??= await openEngine(context, engine === undefined ? {} : { engine })),
      requestOf: (action) => requestFor(action, record!, compiled.evidence, 'schedule'),
    });
  } finally {
    await session?.close();
    await evidence.close();
  }
}
