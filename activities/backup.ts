/** Use case: backs up a policy's source into a repository as one snapshot, and compares a share of it with the source. */
import { HoldfastError } from '../common/errors.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, BackupSettings } from '../domain/action.ts';
import { createFindingList, type FindingList } from '../domain/findings.ts';
import { formerNames } from '../domain/former-names.ts';
import { intervalSeconds, turnAt } from '../domain/rotation.ts';
import type { ActionOutcome } from '../domain/run-record.ts';
import { tagsOfPolicy } from '../domain/snapshot.ts';
import { archive, type ArchiveResult } from '../repository/archive.ts';
import { compareWithSource } from '../repository/compare-with-source.ts';
import { planBackup } from './backup-plan.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository, type RepositoryWork } from './with-repository.ts';

/**
 * Makes a snapshot under a shared lock. Files that cannot be read are findings `source/unreadable`, the rest is backed
 * up. A source that is missing, or empty where it was not, is GuardRefused and leaves all snapshots as they are; a
 * missing repository is NoRepository, and never created. A dry run only compares with the last snapshot.
 */
export async function backup(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'backup');
  if (request.dryRun === true) return planBackup(deps, request, settings, context);
  const access = { role: 'writer', lock: 'shared' } as const;
  return withRepository(deps, settings.repository, access, context, async (work) => {
    const result = await makeSnapshot(deps, request, settings, work, context);
    const findings = createFindingList();
    addFindings(findings, settings, result);
    const filesVerified = await verify(deps, request, settings, work, context, result, findings);
    return {
      figures: { ...result.figures, filesVerified },
      findings: findings.all(),
      snapshot: {
        repository: settings.repository.name,
        repositoryId: work.repository.config.id,
        snapshotId: result.snapshotId,
      },
    };
  });
}

async function makeSnapshot(
  deps: Dependencies,
  request: ActionRequest,
  settings: BackupSettings,
  { repository, signal }: RepositoryWork,
  { progress }: CallContext,
): Promise<ArchiveResult> {
  const { policy } = request.action;
  const policyTags = policy === undefined ? ['holdfast'] : tagsOfPolicy(policy);
  const archiving = {
    source: settings.source,
    hostname: settings.hostname,
    tags: [...new Set([...policyTags, ...settings.tags])],
    time: deps.clock(),
    parentTags: policyTags,
    ...(policy === undefined ? {} : { ownPolicies: [policy, ...formerNames(request.action)] }),
    acceptEmpty: request.accept?.includes('emptySource') ?? false,
  };
  try {
    return await archive(repository, archiving, { signal, progress });
  } catch (error) {
    throw asRefusal(error, request);
  }
}

const GUARD_FINDINGS: Record<string, string> = {
  missingSource: 'source/missing',
  emptySource: 'guard/empty-source',
};

/** Names the finding for the record, and the command that accepts the guard. */
export function asRefusal(error: unknown, request: ActionRequest): unknown {
  if (!(error instanceof HoldfastError) || error.code !== 'GuardRefused') return error;
  const guard = String(error.context['guard'] ?? '');
  const acceptable = guard === 'emptySource' && request.action.policy !== undefined;
  const accept = acceptable ? ` If it is meant to be empty, run: ${acceptCommand(request.action, 'emptySource')}` : '';
  return new HoldfastError('GuardRefused', error.message, {
    hint: acceptable ? `Check that it is mounted.${accept}` : (error.hint ?? 'Check that the source is mounted.'),
    context: { ...error.context, finding: GUARD_FINDINGS[guard] ?? 'guard/refused' },
    cause: error,
  });
}

function addFindings(findings: FindingList, settings: BackupSettings, result: ArchiveResult): void {
  for (const { path, message } of result.unreadable) {
    findings.add({
      code: 'source/unreadable',
      severity: 'warning',
      subject: path,
      message: `${path} could not be read, and is not in the snapshot: ${message}`,
      hint: "Let the worker's account read it, or exclude it.",
    });
  }
  for (const { path } of result.changedWhileRead) {
    const message = `${path} changed while it was read: its copy may hold parts of two moments`;
    findings.add({ code: 'source/changed', severity: 'notice', subject: path, message });
  }
  for (const message of result.notices) {
    findings.add({
      code: 'repository/repaired',
      severity: 'warning',
      subject: settings.repository.name,
      message,
      hint: `Check the repository: holdfast check --repository ${settings.repository.name} --read-data`,
    });
  }
}

/** Re-reads this turn's share of the files. What changed since the backup began proves nothing, and is passed over. */
async function verify(
  deps: Dependencies,
  request: ActionRequest,
  settings: BackupSettings,
  { repository, signal }: RepositoryWork,
  { progress }: CallContext,
  result: ArchiveResult,
  findings: FindingList,
): Promise<number> {
  if (settings.verifyShare <= 0) return 0;
  const now = deps.clock();
  const { schedule } = request.action;
  const { filesCompared, differences } = await compareWithSource(repository, {
    snapshot: result.snapshot,
    share: settings.verifyShare,
    rotation: turnAt(schedule, intervalSeconds(schedule, now), now),
    signal,
    progress,
  });
  for (const { path, message } of differences) {
    findings.add({
      code: 'backup/mismatch',
      severity: 'critical',
      subject: path,
      message: `${path} is not in the snapshot as it is in the source: ${message}`,
      hint: `Check the machine's memory and disks, and the repository: holdfast check --repository ${settings.repository.name} --read-data`,
    });
  }
  return filesCompared;
}
