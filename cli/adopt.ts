/** `holdfast adopt`: takes snapshots that no policy made under one, as they are; no data is uploaded again. */
import { adoptSnapshots, type AdoptionResult } from '../activities/adopt-snapshots.ts';
import { HoldfastError } from '../common/errors.ts';
import { fitsAdopter, isUnowned, planAdoption, sourcesOf, type PlannedAdoption } from '../domain/adoption.ts';
import type { AdoptedSnapshot, AdoptionRecord } from '../domain/adoption-record.ts';
import { fits } from '../domain/find-snapshot.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import { actingPerson } from './acting-person.ts';
import { findAdoptingPolicy, type AdoptingPolicy } from './adopting-policy.ts';
import { remarksOf, tellPlan, tellResult } from './adoption-lines.ts';
import { askYesNo } from './ask-yes-no.ts';
import type { CliCommand, CliContext } from './command.ts';
import { deletingAccess } from './deleting-access.ts';
import { count, displayText } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addRepositoryOptions, findRepository, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { selectSnapshot, type SnapshotFilterOptions } from './select-snapshot.ts';

interface Options extends RepositoryOptions, SnapshotFilterOptions {
  policy: string;
  mixed?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Takes snapshots that restic or holdfast made without a policy under one, as they are: each gets the policy’s tags, a new id, and keeps its time, data and first id. Without SNAPSHOT or filters: those of the policy’s host and folders.',
      )
      .argument('[snapshots...]', 'take exactly these: ids, or prefixes of them')
      .requiredOption('--policy <name>', 'the policy that takes them')
      .option('--mixed', 'take snapshots of several hosts or folders; the policy’s retention sees them as one group')
      .option('--yes', 'do not ask')
      .option('-n, --dry-run', 'say what would be taken, and change nothing')
      .optionsGroup('Which snapshots, of those that no policy has:')
      .option('--host <name>', 'only snapshots of this host')
      .option('--path <path>', 'only snapshots that hold this path')
      .option('--tag <tag>', 'only snapshots with this tag (several, joined by commas: with all of them)');
    addRepositoryOptions(command);
  },

  async run(context, { args, options }) {
    const named = args[0] as string[];
    const dryRun = options.dryRun === true;
    if (!options.lock && !dryRun)
      throw new HoldfastError('Usage', 'adopt removes old snapshot files, and does so with a lock alone', {
        hint: 'leave --no-lock out, or add --dry-run',
      });
    const place = await findRepository(context, options);
    const policy = await findAdoptingPolicy(context, place, options.policy, options);
    const work = async (repository: Repository, signal: AbortSignal): Promise<ExitStatus> => {
      const all = await repository.listSnapshots({ signal });
      const plan = planAdoption(choose(all, named, policy, options), all, policy.name);
      const input = { context, repository, repositoryName: place.name, policy, all, plan, signal };
      return dryRun ? tellDryRun(input) : carryOut(input, options);
    };
    return withRepository(context, options, deletingAccess(dryRun), work, place);
  },
};

interface Adoption {
  context: CliContext;
  repository: Repository;
  repositoryName: string;
  policy: AdoptingPolicy;
  /** Of the repository. */
  all: Snapshot[];
  plan: PlannedAdoption[];
  signal: AbortSignal;
}

/** Throws Usage when nothing says which are meant, and GuardRefused when they are of several sources. */
function choose(all: Snapshot[], named: string[], policy: AdoptingPolicy, options: Options): Snapshot[] {
  const { host, path, tag } = options;
  const filters = { host, path, tag };
  if (named.length > 0) return [...new Set(named.map((name) => selectSnapshot(all, name, filters)))];
  const isFiltered = [host, path, tag].some((value) => value !== undefined);
  if (!isFiltered && policy.source === undefined)
    throw new HoldfastError('Usage', `nothing says which snapshots ${policy.name} is to take`, {
      hint: 'give the ids of snapshots, --host, --path (--path / means all) or --tag',
    });
  const chosen = all.filter(
    (snapshot) => isUnowned(snapshot) && (isFiltered ? fits(snapshot, filters) : fitsAdopter(snapshot, policy)),
  );
  const sources = sourcesOf(chosen);
  if (sources.length < 2 || options.mixed === true) return chosen;
  const list = sources.map(
    ({ host: name = '', paths = [], snapshots }) =>
      `${count(snapshots.length, 'snapshot')} of ${displayText(name)}: ${paths.map(displayText).join(', ')}`,
  );
  throw new HoldfastError(
    'GuardRefused',
    `the snapshots are of ${sources.length} sources, which the retention of ${policy.name} would see as one group (${list.join('; ')})`,
    { hint: 'choose with --host, --path or --tag, or give --mixed when they are all this policy’s' },
  );
}

function tellDryRun({ context, policy, repositoryName, repository, all, plan }: Adoption): ExitStatus {
  const remarks = remarksOf(plan, all, policy, context.now());
  tellPlan(context.output, { plan, remarks, policy: policy.name, all });
  context.output.say('nothing was changed');
  if (context.json)
    context.output.json({
      dryRun: true,
      policy: policy.name,
      repository: repositoryName,
      repositoryId: repository.config.id,
      remarks,
      snapshots: plan.map(({ snapshot, step, policy: owner }) => ({
        snapshotId: snapshot.id,
        time: snapshot.time,
        step,
        ...(owner === undefined ? {} : { policy: owner }),
      })),
    });
  return ExitStatus.done;
}

async function carryOut(adoption: Adoption, options: Options): Promise<ExitStatus> {
  const { context, repository, policy, all, plan, signal } = adoption;
  const { output } = context;
  const remarks = remarksOf(plan, all, policy, context.now());
  const due = plan.filter(({ step }) => step === 'adopt' || step === 'finish');
  tellPlan(output, { plan, remarks, policy: policy.name, all });
  if (due.length > 0) await confirm(context, due.length, policy.name, options);
  let record: AdoptionRecord | undefined;
  const progress = output.progress();
  let result: AdoptionResult;
  try {
    const note = async (adopted: readonly AdoptedSnapshot[]): Promise<void> => {
      record = await writeRecord(adoption, adopted);
    };
    result = await adoptSnapshots(repository, plan, policy.name, note, { signal, progress });
  } finally {
    progress.finish();
  }
  if (context.json)
    output.json({
      dryRun: false,
      policy: policy.name,
      repository: adoption.repositoryName,
      repositoryId: repository.config.id,
      remarks,
      ...result,
      ...(record === undefined ? {} : { record: record.id }),
    });
  tellResult(output, result, { policy: policy.name, record: record?.id });
  return result.left.length > 0 ? ExitStatus.accessDenied : ExitStatus.done;
}

/** Snapshots become subject to rules that may forget them: that is never done by accident. */
async function confirm(context: CliContext, amount: number, policy: string, { yes }: Options): Promise<void> {
  if (yes === true) return;
  const question = `Put ${count(amount, 'snapshot')} under the policy ${policy}? [y/N] `;
  if (context.interactive && (await askYesNo(question, context.signal))) return;
  throw new HoldfastError('GuardRefused', `nothing was adopted: ${count(amount, 'snapshot')} would be`, {
    hint: 'give --yes to adopt them',
  });
}

/** undefined where no policies say where evidence is kept. */
async function writeRecord(
  { context, policy, repository, repositoryName }: Adoption,
  snapshots: readonly AdoptedSnapshot[],
): Promise<AdoptionRecord | undefined> {
  if (policy.known === undefined) return undefined;
  const adoptedAt = context.now().toISOString();
  const record: AdoptionRecord = {
    format: 'holdfast-adoption/1',
    id: `${adoptedAt.replaceAll(/[-:]|\.\d+/g, '')}-${policy.name}-${repository.config.id.slice(0, 8)}`,
    adoptedAt,
    adoptedBy: actingPerson(),
    policy: policy.name,
    repository: repositoryName,
    repositoryId: repository.config.id,
    commit: policy.known.commit,
    snapshots: [...snapshots],
  };
  const evidence = await policy.known.openEvidence();
  try {
    await evidence.writeAdoption(record);
  } finally {
    await evidence.close();
  }
  return record;
}
