/** Finds a repository by its name in the policies. */
import { resolve } from 'node:path';
import type { CliContext } from './command.ts';
import { compilePolicies, notInPolicies, refuseBroken, type LookedUpPolicies } from './compile-policies.ts';
import type { RepositoryPlace } from './open-from-options.ts';
import { resolveSecret } from './resolve-secret.ts';
import { storageOpener } from './storage-opener.ts';

/** Throws NotFound, or InvalidPolicy when just the document that says where it is has errors. */
export async function placeOfPolicies(context: CliContext, name: string, policies: string): Promise<RepositoryPlace> {
  const compiled = await compilePolicies(context, [policies]);
  const settings = compiled.repositories.find((repository) => repository.name === name);
  if (settings === undefined) {
    refuseBroken(compiled, (document) => document === `Repository/${name}` || document.startsWith('Location/'));
    throw notInPolicies(
      'repository',
      name,
      compiled.repositories.map((repository) => repository.name),
    );
  }
  const { environment, signal } = context;
  // A person who asks for the repository by hand runs what the policies name, as the embedded worker does.
  const sources = { environment, baseDirectory: resolve(context.directory, policies), allowCommands: true, signal };
  const openStorage = storageOpener(context, sources.baseDirectory);
  return {
    name,
    openStorage: (role) => openStorage(settings.location, settings.path, role),
    password: () => resolveSecret(settings.password, sources),
    compression: settings.compression,
    policies: compiled,
    grace: { evidence: compiled.evidence, seconds: graceOf(compiled, name), openStorage },
  };
}

function graceOf({ actions }: LookedUpPolicies, repository: string): number {
  const prune = actions.find(({ id }) => id === `repository/${repository}/prune`)?.settings;
  return prune?.kind === 'prune' ? prune.afterSeconds : 0;
}
