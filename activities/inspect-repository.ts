/** Use case: looks at what is really where a repository should be; changes nothing, and takes no lock. */
import { HoldfastError } from '../common/errors.ts';
import type { RepositorySettings } from '../domain/action.ts';
import type { InspectedRepository } from '../domain/storage-drift.ts';
import { isRepositoryObject } from '../repository/object-names.ts';
import type { CallContext, Dependencies } from './dependencies.ts';

const MAX_NAMED = 5;

/** `others`: folders in the repository's own (with a slash at their ends) that are other places of the policies. */
export async function inspectRepository(
  deps: Dependencies,
  settings: RepositorySettings,
  others: readonly string[],
  context: CallContext,
): Promise<InspectedRepository> {
  const host = settings.location.local?.host;
  const inspected: InspectedRepository = { settings, snapshots: [], unknown: { first: [], count: 0 } };
  if (host !== undefined && host !== deps.hostname) return { ...inspected, elsewhere: host };
  context.progress.report({ phase: `looking at ${settings.name}` });
  try {
    inspected.snapshots = await listSnapshots(deps, settings, context);
  } catch (error) {
    inspected.error = tellable(error);
    if (inspected.error.code !== 'NoRepository') return inspected;
    // It was there when it was applied: a new one beside an unmounted disk would only look like it.
    inspected.error.hint = `Check that its disk is mounted. If it is lost for good, make an empty one: holdfast init --repository ${settings.name}`;
  }
  try {
    inspected.unknown = await findUnknown(deps, settings, others, context);
  } catch (error) {
    inspected.error ??= tellable(error);
  }
  return inspected;
}

async function listSnapshots(deps: Dependencies, settings: RepositorySettings, { signal }: CallContext) {
  const repository = await deps.openRepository(settings, 'reader', signal);
  try {
    return await repository.listSnapshots({ signal });
  } finally {
    await repository.close();
  }
}

async function findUnknown(
  deps: Dependencies,
  { location, path }: RepositorySettings,
  others: readonly string[],
  { signal }: CallContext,
): Promise<InspectedRepository['unknown']> {
  const storage = await deps.openStorage(location, path, 'reader');
  try {
    const first: string[] = [];
    let count = 0;
    for await (const { name } of storage.list('', { signal })) {
      if (isRepositoryObject(name) || others.some((folder) => name.startsWith(folder))) continue;
      count += 1;
      if (first.length < MAX_NAMED) first.push(name);
    }
    return { first, count };
  } finally {
    await storage.close();
  }
}

/** What is wrong with one place keeps nobody from looking at the others. */
function tellable(error: unknown): NonNullable<InspectedRepository['error']> {
  if (!(error instanceof HoldfastError) || error.code === 'Interrupted') throw error;
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
