/** Use case: forgets the snapshots of a policy in one repository that no rule, hold or proof keeps. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import { acceptCommand } from '../domain/accept-command.ts';
import type { ActionRequest, RetentionSettings } from '../domain/action.ts';
import type { Finding } from '../domain/finding.ts';
import { planForget, type ForgetDecision, type ForgetPlan } from '../domain/retention.ts';
import type { ActionOutcome, RetentionFigures } from '../domain/run-record.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { noteForgotten } from './forgotten-trees.ts';
import { readRepositoryRecords } from './repository-records.ts';
import { settingsOf } from './settings-of.ts';
import { withRepository } from './with-repository.ts';

/** Decisions in a record, and snapshots forgotten in one run: the rest is left to the next one. */
const MAX_DECISIONS = 200;

/**
 * Plans and forgets under the exclusive lock that restic's forget takes. Fails before anything is removed when the
 * evidence cannot be read, or when more would go than `maxForget` lets one run forget (GuardRefused). A dry run plans
 * under a shared lock.
 */
export async function retention(
  deps: Dependencies,
  request: ActionRequest,
  context: CallContext,
): Promise<ActionOutcome> {
  const settings = settingsOf(request, 'retention');
  const dryRun = request.dryRun === true;
  const access = { role: dryRun ? 'reader' : 'maintainer', lock: dryRun ? 'shared' : 'exclusive' } as const;
  return withRepository(deps, settings.repository, access, context, async ({ repository, signal }) => {
    const all = await repository.listSnapshots({ signal });
    const own = all.filter((snapshot) => isOfPolicy(snapshot, settings.policyNames));
    const { proofs, recordedAt } = await readRepositoryRecords(
      deps,
      request.evidence,
      settings.policyNames,
      repository.config.id,
      own,
      {
        ...context,
        signal,
      },
    );
    const { hold, expiring = false } = settings;
    const options = { recordedAt, expiring, ...(hold === undefined ? {} : { hold }) };
    const plan = planForget(own, proofs, settings.rules, deps.clock(), options);
    if (!expiring) checkMaxForget(plan, settings, request);
    // The oldest go first; what is over the limit goes next time.
    const due = plan.forgotten.toReversed().slice(0, expiring ? mostToExpire(plan, settings) : MAX_DECISIONS);
    if (!dryRun && due.length > 0) {
      await noteForgotten(
        deps,
        request,
        repository.config.id,
        due.map(({ snapshot }) => snapshot),
      );
      await forget(repository, due, signal, context);
    }
    const foreign = all.filter(isForeign).length;
    return {
      figures: figuresOf(plan, due, foreign),
      findings: findingsOf(settings, foreign, plan.forgotten.length - due.length),
    };
  });
}

/** Made by no policy of holdfast's: nobody's rules apply to it. */
function isForeign(snapshot: Snapshot): boolean {
  const tags = snapshot.tags ?? [];
  return !tags.includes('holdfast') || !tags.some((tag) => tag.startsWith('policy='));
}

/** Nobody is there to approve that the last ones go: of what ages out each run takes its share, the oldest first. */
function mostToExpire({ decisions }: ForgetPlan, { rules }: RetentionSettings): number {
  return Math.min(MAX_DECISIONS, Math.max(1, Math.floor(decisions.length * rules.maxForgetShare)));
}

function checkMaxForget(plan: ForgetPlan, settings: RetentionSettings, request: ActionRequest): void {
  if (!plan.exceedsMaxForget || request.accept?.includes('maxForget') || request.dryRun === true) return;
  const [policy = ''] = settings.policyNames;
  const share = Math.round(plan.forgottenShare * 100);
  const limit = Math.round(settings.rules.maxForgetShare * 100);
  throw new HoldfastError(
    'GuardRefused',
    `retention would forget ${plan.forgotten.length} of ${plan.decisions.length} snapshots of ${policy} in ${settings.repository.name} (${share} %, at most ${limit} % in one run)`,
    {
      hint: `If that is right, run: ${acceptCommand(request.action, 'maxForget')}`,
      context: {
        guard: 'maxForget',
        finding: 'guard/max-forget',
        forgotten: plan.forgotten.length,
        snapshots: plan.decisions.length,
      },
    },
  );
}

/** A snapshot that another attempt has removed meanwhile is as good as removed. */
async function forget(
  repository: Repository,
  due: readonly ForgetDecision[],
  signal: AbortSignal,
  context: CallContext,
): Promise<void> {
  for (const [index, { snapshot }] of due.entries()) {
    throwIfAborted(signal);
    context.progress.report({ phase: 'forgetting snapshots', files: index, totalFiles: due.length });
    try {
      await repository.removeSnapshot(snapshot.id, { signal });
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'NotFound') throw error;
    }
  }
}

/** All that goes is recorded; of what stays, the newest that still fit. */
function figuresOf(plan: ForgetPlan, due: readonly ForgetDecision[], foreign: number): RetentionFigures {
  const recorded = new Set<ForgetDecision>([...due, ...plan.kept.slice(0, MAX_DECISIONS - due.length)]);
  return {
    kind: 'retention',
    kept: plan.kept.length,
    forgotten: due.length,
    foreign,
    decisions: plan.decisions
      .filter((decision) => recorded.has(decision))
      .toReversed()
      .map(({ snapshot, keep, reasons }) => ({
        snapshot: snapshot.id,
        time: snapshot.time,
        keep,
        reasons,
        ...(keep ? {} : { tree: snapshot.tree }),
      })),
  };
}

function findingsOf(settings: RetentionSettings, foreign: number, postponed: number): Finding[] {
  const { name } = settings.repository;
  const findings: Finding[] = [];
  if (foreign > 0) {
    findings.push({
      code: 'repository/foreign-snapshots',
      severity: 'notice',
      subject: name,
      message: `${foreign} snapshots in ${name} were made by no policy, so that no retention rules them`,
      hint: `Leave them, take them into a policy (holdfast adopt --repository ${name} --policy POLICY), or remove them by hand: holdfast forget.`,
    });
  }
  if (postponed > 0) {
    const message = `${postponed} more snapshots are to be forgotten by the next runs`;
    findings.push({ code: 'retention/postponed', severity: 'notice', subject: name, message });
  }
  return findings;
}
