/** Finds the policy that takes snapshots in, what it reads, what its retention will do with them, and where that is recorded. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { suggest } from '../common/suggest.ts';
import type { Action, EvidenceSettings, PolicyCommit, RetentionSettings } from '../domain/action.ts';
import type { Adopter } from '../domain/adoption.ts';
import { openEvidenceStore } from '../evidence/open-evidence-store.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import type { CliContext } from './command.ts';
import { compilePolicies, notInPolicies, refuseBroken, type LookedUpPolicies } from './compile-policies.ts';
import { readPolicySource } from './git.ts';
import type { RepositoryPlace } from './open-from-options.ts';
import { storageOpener } from './storage-opener.ts';

export interface AdoptingPolicy extends Adopter {
  /** Of the repository; absent: nothing is forgotten there. */
  retention?: RetentionSettings;
  /** Absent: the repository was named by its place, and there are no policies. */
  known?: {
    commit: PolicyCommit;
    openEvidence(): Promise<EvidenceStore>;
  };
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Throws NotFound for a policy that is not in the policies, and Usage for one that neither backs up nor copies into the
 * repository. Where the repository is named by its place (`--repo`), policies need not be there.
 */
export async function findAdoptingPolicy(
  context: CliContext,
  place: RepositoryPlace,
  name: string,
  options: { repository?: string; policies?: string },
): Promise<AdoptingPolicy> {
  const folder = options.policies ?? 'policies';
  const isThere = existsSync(resolve(context.directory, folder));
  if (place.policies === undefined && !isThere) {
    if (NAME.test(name)) return { name };
    throw new HoldfastError('Usage', `"${name}" can be no policy’s name`, {
      hint: 'use small letters, digits and hyphens',
    });
  }
  const policies = place.policies ?? (await compilePolicies(context, [folder]));
  const own = policies.actions.filter(({ policy }) => policy === name);
  if (own.length === 0) throw unknownPolicy(policies, name);
  const { repository } = options;
  if (repository !== undefined) requireWriter(own, name, repository);
  const backup = own.map(({ settings }) => settings).find((settings) => settings.kind === 'backup');
  const retention = own
    .map(({ settings }) => settings)
    .find((settings) => settings.kind === 'retention' && settings.repository.name === repository);
  const { commit } = await readPolicySource([folder], context.directory, context.environment);
  return {
    name,
    ...(backup === undefined ? {} : { source: backup.source }),
    ...(retention?.kind === 'retention' ? { retention } : {}),
    known: { commit, openEvidence: () => openEvidence(context, folder, policies.evidence) },
  };
}

function unknownPolicy(policies: LookedUpPolicies, name: string): HoldfastError {
  refuseBroken(policies, (document) => document === `Policy/${name}`);
  const names = [...new Set(policies.actions.flatMap(({ policy }) => policy ?? []))];
  const meant = suggest(name, names);
  if (meant === undefined) return notInPolicies('policy', name, names);
  return new HoldfastError('NotFound', `no policy of the policies is named "${name}"`, {
    hint: `did you mean "${meant}"?`,
  });
}

/** Nobody would go on with snapshots in a repository that the policy does not use. */
function requireWriter(own: readonly Action[], name: string, repository: string): void {
  const used = own.flatMap(({ kind, target }) => (kind === 'backup' || kind === 'copy' ? [target] : []));
  if (used.includes(repository)) return;
  const hint =
    used.length === 0 ? 'give it a backup there first' : `it backs up to ${used.join(', ')}; add ${repository} first`;
  throw new HoldfastError('Usage', `the policy ${name} has no backup to ${repository}, nor a copy`, { hint });
}

async function openEvidence(
  context: CliContext,
  folder: string,
  { location, path }: EvidenceSettings,
): Promise<EvidenceStore> {
  const openStorage = storageOpener(context, resolve(context.directory, folder));
  return openEvidenceStore(await openStorage(location, path, 'writer'));
}
