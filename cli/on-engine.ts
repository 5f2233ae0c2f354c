/** Work on the engine of the policies that only looks. */
import type { CliContext } from './command.ts';
import type { EngineSession } from './engine-session.ts';
import type { PreparedPolicies } from './prepare-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';

/** undefined when there is none: an embedded engine that never ran has no schedules, and is not started to say so. */
export async function onEngine<Result>(
  context: CliContext,
  engine: PreparedPolicies['engine'],
  work: (session: EngineSession) => Promise<Result>,
): Promise<Result | undefined> {
  const [{ hasDatabase }, { openEngine }] = await Promise.all([
    import('../engine/embedded-server.ts'),
    import('./engine-session.ts'),
  ]);
  if (engine === undefined && !hasDatabase(stateDirectoryOf(context.directory))) return undefined;
  const session = await openEngine(context, { readOnly: true, ...(engine === undefined ? {} : { engine }) });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
