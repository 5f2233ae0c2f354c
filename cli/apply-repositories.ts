/** The repositories that an apply creates: those of the policies that never were, each cut like the one it gets copies of. */
import type { Dependencies } from '../activities/dependencies.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Action, RepositorySettings } from '../domain/action.ts';
import { placeKey } from '../domain/settings-places.ts';
import { initRepository } from '../repository/init-repository.ts';

export interface CreateInput {
  actions: readonly Action[];
  repositories: readonly RepositorySettings[];
  dependencies: Dependencies;
  signal: AbortSignal;
}

/** Equal for two settings of one place. */
export function placeOf({ location, path }: RepositorySettings): string {
  return placeKey(location, path);
}

/** Only those that evidence never saw: one that is gone is an unmounted disk, and no fresh start. Returns their names. */
export async function createRepositories(input: CreateInput, seen: ReadonlySet<string>): Promise<string[]> {
  const created: string[] = [];
  const done = new Set<string>();
  const create = async (settings: RepositorySettings): Promise<void> => {
    const place = placeOf(settings);
    const host = settings.location.local?.host;
    if (done.has(place) || seen.has(place) || (host !== undefined && host !== input.dependencies.hostname)) return;
    done.add(place);
    const original = originalOf(settings, input.actions);
    // Its chunker's polynomial is needed.
    if (original !== undefined) await create(original);
    if (await createRepository(settings, original, input)) created.push(settings.name);
  };
  for (const settings of input.repositories) await create(settings);
  return created;
}

/** The repository whose snapshots are copied to this one. */
function originalOf(settings: RepositorySettings, actions: readonly Action[]): RepositorySettings | undefined {
  for (const { settings: action } of actions)
    if (action.kind === 'copy' && placeOf(action.to) === placeOf(settings)) return action.from;
  return undefined;
}

async function createRepository(
  settings: RepositorySettings,
  original: RepositorySettings | undefined,
  { dependencies, signal }: CreateInput,
): Promise<boolean> {
  try {
    await (await dependencies.openRepository(settings, 'reader', signal)).close();
    return false;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'NoRepository') throw error;
  }
  const chunkerPolynomial = original && (await polynomialOf(original, dependencies, signal));
  const password = await dependencies.resolveSecret(settings.password);
  const storage = await dependencies.openStorage(settings.location, settings.path, 'maintainer');
  const options = { signal, ...(chunkerPolynomial === undefined ? {} : { chunkerPolynomial }) };
  await (await initRepository(storage, password, options)).close();
  return true;
}

/** undefined when it cannot be had from here: copies are as good without it, and only share less. */
async function polynomialOf(
  settings: RepositorySettings,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const repository = await dependencies.openRepository(settings, 'reader', signal);
    const { chunker_polynomial: polynomial } = repository.config;
    await repository.close();
    return polynomial;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'Interrupted') throw error;
    return undefined;
  }
}
