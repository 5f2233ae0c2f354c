/** Opens the evidence that the policies name, or any folder of it, for commands that read records. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import { openEvidenceStore } from '../evidence/open-evidence-store.ts';
import type { EvidenceStore } from '../evidence/evidence-store.ts';
import { readOnly } from '../storage/read-only.ts';
import type { Storage } from '../storage/storage.ts';
import type { CliContext } from './command.ts';
import { storageOpener } from './storage-opener.ts';

export interface EvidenceOptions {
  evidence?: string;
}

export function addEvidenceOptions(command: Command): Command {
  return command.option('--evidence <folder>', 'read the records of this folder, and no policies');
}

/** `paths`: where the policies are; none: `policies/`. Works with the engine down. */
export async function withEvidence<Result>(
  context: CliContext,
  paths: string[],
  options: EvidenceOptions,
  work: (evidence: EvidenceStore) => Promise<Result>,
): Promise<Result> {
  const evidence = openEvidenceStore(await openEvidenceStorage(context, paths, options));
  try {
    return await work(evidence);
  } finally {
    await evidence.close();
  }
}

async function openEvidenceStorage(context: CliContext, paths: string[], options: EvidenceOptions): Promise<Storage> {
  const openStorage = storageOpener(context, resolve(context.directory, paths[0] ?? 'policies'));
  if (options.evidence !== undefined) {
    if (paths.length > 0)
      throw new HoldfastError('Usage', 'both --evidence and policies are given', { hint: 'give one of them' });
    return readOnly(await openStorage({ local: { path: resolve(context.directory, options.evidence) } }, '', 'reader'));
  }
  const { compilePolicies, refuseBroken } = await import('./compile-policies.ts');
  const policies = await compilePolicies(context, paths);
  refuseBroken(policies, (document) => document.startsWith('Project/') || document.startsWith('Location/'));
  return readOnly(await openStorage(policies.evidence.location, policies.evidence.path, 'reader'));
}
