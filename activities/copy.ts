/** Use case: copies a policy's snapshots from one repository into another one. */
import type { ActionRequest, CopySettings } from '../domain/action.ts';
import { planPolicyCopy, type PolicyCopyPlan } from '../domain/copy-plan.ts';
import { createFindingList, type FindingList } from '../domain/findings.ts';
import type { ActionOutcome, CopyFigures } from '../domain/run-record.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import { copySnapshots, type CopyResult } from '../repository/copy-snapshots.ts';
import type { Repository } from '../repository/repository.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository, type RepositoryWork } from './with-repository.ts';

/** Copies named in a record. */
const MAX_COPIES = 200;

/**
 * Reads as `reader`, adds as `writer`, under a shared lock on both. What is there already stays as it is, so that an
 * attempt goes on where another one stopped. A snapshot that is damaged in the source is a critical finding, and the
 * others are copied. A missing repository is NoRepository, and never created. A dry run reads the trees, and counts.
 */
export async function copy(deps: Dependencies, request: ActionRequest, context: CallContext): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'copy');
  const dryRun = request.dryRun === true;
  const reading = { role: 'reader', lock: 'shared' } as const;
  const writing = { role: dryRun ? 'reader' : 'writer', lock: 'shared' } as const;
  return withRepository(deps, settings.from, reading, context, (source) =>
    withRepository(deps, settings.to, writing, { ...context, signal: source.signal }, (destination) =>
      copyBetween(deps, request, settings, source.repository, destination, context),
    ),
  );
}

async function copyBetween(
  deps: Dependencies,
  request: ActionRequest,
  settings: CopySettings,
  source: Repository,
  { repository: destination, signal }: RepositoryWork,
  { progress }: CallContext,
): Promise<ActionOutcome> {
  const findings = createFindingList();
  const all = await listSnapshots(source, settings.from.name, findings, signal);
  const own = all.filter((snapshot) => isOfPolicy(snapshot, settings.policyNames));
  const there = await listSnapshots(destination, settings.to.name, findings, signal);
  const plan = planPolicyCopy(own, there, settings, deps.clock());
  const dryRun = request.dryRun === true;
  const result = await copySnapshots(source, destination, plan.missing, { signal, progress, dryRun });
  addFindings(findings, settings, request, { own, result });
  if (result.bytesRead > 0 && source.config.chunker_polynomial !== destination.config.chunker_polynomial)
    findings.add({
      code: 'copy/chunker',
      severity: 'notice',
      subject: settings.to.name,
      message: `${settings.from.name} and ${settings.to.name} cut files in different places: what is backed up into both takes space twice`,
      hint: `A repository made by holdfast init --copy-chunker-params --from-repository ${settings.from.name} does not.`,
    });
  const held = there.filter((snapshot) => isOfPolicy(snapshot, settings.policyNames));
  return { figures: figuresOf(plan, result, held, dryRun), findings: findings.all() };
}

/** Oldest first. A file that cannot be read hides one snapshot, and must not keep the others from a second place. */
function listSnapshots(
  repository: Repository,
  name: string,
  findings: FindingList,
  signal: AbortSignal,
): Promise<Snapshot[]> {
  return repository.listSnapshots({
    signal,
    onError: (id) =>
      findings.add({
        code: 'repository/snapshot-damaged',
        severity: 'critical',
        subject: `snapshots/${id}`,
        message: `the snapshot file ${id} of ${name} cannot be read`,
        hint: `Run: holdfast check --repository ${name}`,
      }),
  });
}

function addFindings(
  findings: FindingList,
  { from, policyNames }: CopySettings,
  { action }: ActionRequest,
  { own, result }: { own: readonly Snapshot[]; result: CopyResult },
): void {
  for (const { snapshot, message } of result.damaged)
    findings.add({
      code: 'repository/snapshot-damaged',
      severity: 'critical',
      subject: `snapshots/${snapshot.id}`,
      message: `snapshot ${snapshot.id.slice(0, 8)}, made ${snapshot.time}, cannot be copied, because ${from.name} is damaged: ${message}`,
      hint: `Run: holdfast check --repository ${from.name} --read-data`,
    });
  if (own.length > 0) return;
  findings.add({
    code: 'copy/no-snapshot',
    severity: 'warning',
    subject: from.name,
    message: `the repository ${from.name} has no snapshot of ${policyNames.join(' or ')} that could be copied`,
    hint: `Make one: holdfast run ${action.policy ?? ''} backup`,
  });
}

/** @param held The policy's snapshots that the destination had before. */
function figuresOf(
  { present, passedOver }: PolicyCopyPlan,
  result: CopyResult,
  held: readonly Snapshot[],
  dryRun: boolean,
): CopyFigures {
  const copied = result.copied.map(({ snapshot }) => snapshot);
  const newest = [...held, ...(dryRun ? [] : copied)]
    .map(({ time }) => time)
    .toSorted((a, b) => Date.parse(a) - Date.parse(b))
    .at(-1);
  return {
    kind: 'copy',
    snapshotsCopied: copied.length,
    snapshotsPresent: present.length,
    snapshotsPassedOver: passedOver.length,
    snapshotsDamaged: result.damaged.length,
    blobs: result.blobs,
    bytesRead: result.bytesRead,
    bytesStored: result.bytesWritten,
    ...(newest === undefined ? {} : { newestSnapshotTime: newest }),
    copies: result.copied
      .flatMap(({ snapshot, copyId }) => (copyId === undefined ? [] : [{ snapshot: snapshot.id, copy: copyId }]))
      .slice(-MAX_COPIES),
  };
}
