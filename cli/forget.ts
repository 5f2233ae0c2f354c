/** `holdfast forget`: drops snapshots by restic's keep rules, or those that are named. */
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { KeepRules } from '../domain/action.ts';
import { fits } from '../domain/find-snapshot.ts';
import { groupSnapshots, type SnapshotGroup } from '../domain/group-snapshots.ts';
import { hasNoRules } from '../domain/keep-rules.ts';
import { planForget, type ForgetDecision } from '../domain/retention.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Repository } from '../repository/repository.ts';
import type { CliCommand, CliContext, Output } from './command.ts';
import { deletingAccess } from './deleting-access.ts';
import { count, displayText, displayTime, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { addKeepOptions, readKeepRules, type KeepOptions } from './keep-options.ts';
import { noteRemovals } from './note-removals.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { addSnapshotFilters, ofPlace, selectSnapshot, type SnapshotFilterOptions } from './select-snapshot.ts';
import { renderTable } from './table.ts';

interface Options extends RepositoryOptions, SnapshotFilterOptions, KeepOptions {
  groupBy: string;
  dryRun?: boolean;
}

interface PlannedGroup {
  group: Omit<SnapshotGroup, 'snapshots'>;
  decisions: ForgetDecision[];
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Forgets the snapshots that no rule keeps, in each group of host and paths, as restic does; or the snapshots that are named. The data stays until prune.',
      )
      .argument('[snapshots...]', 'forget exactly these; no rules then')
      .option('--group-by <keys>', 'host, paths, tags, joined by commas; empty: all in one group', 'host,paths')
      .option('-n, --dry-run', 'say what would be forgotten, and why, and forget nothing');
    addRepositoryOptions(addSnapshotFilters(addKeepOptions(command)));
  },

  async run(context, { args, options }) {
    const named = args[0] as string[];
    const keep = readKeepRules(options);
    if (named.length === 0 && hasNoRules(keep))
      throw new HoldfastError('Usage', 'neither snapshots nor rules are given: nothing says what to keep', {
        hint: 'give --keep-daily 7 or the like, or the ids of snapshots',
      });
    if (named.length > 0 && !hasNoRules(keep))
      throw new HoldfastError('Usage', 'both snapshots and rules are given', { hint: 'give one of them' });
    const dryRun = options.dryRun === true;
    return withRepository(context, options, deletingAccess(dryRun), async (repository, signal, place) => {
      const snapshots = await repository.listSnapshots({ signal });
      const groups =
        named.length > 0
          ? planNamed(snapshots, named, ofPlace(options, place))
          : planGroups(context, snapshots, keep, ofPlace(options, place));
      const forgotten = groups.flatMap(({ decisions }) => decisions.filter((decision) => !decision.keep));
      if (!context.json) for (const group of groups) renderGroup(context.output, group);
      if (!dryRun && forgotten.length > 0) {
        await noteRemovals(
          context,
          repository,
          place,
          forgotten.map(({ snapshot }) => snapshot),
        );
        await removeAll(repository, forgotten, signal);
      }
      if (context.json) context.output.json({ dryRun, groups: groups.map(toDocument) });
      tellTotal(context.output, named.length > 0 ? undefined : groups, forgotten.length, dryRun);
      return ExitStatus.done;
    });
  },
};

function planGroups(context: CliContext, snapshots: Snapshot[], keep: KeepRules, options: Options): PlannedGroup[] {
  const rules = { keep, proven: 0, maxForgetShare: 1 };
  return groupSnapshots(
    snapshots.filter((snapshot) => fits(snapshot, options)),
    options.groupBy,
  ).map(({ snapshots: members, ...group }) => ({
    group,
    decisions: planForget(members, [], rules, context.now()).decisions,
  }));
}

function planNamed(snapshots: Snapshot[], named: string[], options: SnapshotFilterOptions): PlannedGroup[] {
  const chosen = new Set(named.map((name) => selectSnapshot(snapshots, name, options)));
  const decisions = [...chosen].map((snapshot) => ({ snapshot, keep: false, reasons: ['named'] }));
  return [{ group: {}, decisions }];
}

/** One at a time, the oldest first: what an interruption leaves is a repository with fewer snapshots forgotten. */
async function removeAll(repository: Repository, forgotten: ForgetDecision[], signal: AbortSignal): Promise<void> {
  for (const { snapshot } of forgotten.toReversed()) {
    throwIfAborted(signal);
    await repository.removeSnapshot(snapshot.id);
  }
}

const COLUMNS = [
  { heading: '' },
  { heading: 'ID' },
  { heading: 'Time' },
  { heading: 'Host' },
  { heading: 'Tags' },
  { heading: 'Reasons' },
  { heading: 'Paths' },
];

function renderGroup(output: Output, { group, decisions }: PlannedGroup): void {
  const name = [
    group.host === undefined ? [] : [`host ${displayText(group.host)}`],
    group.paths === undefined ? [] : [`paths ${group.paths.map(displayText).join(', ')}`],
    group.tags === undefined ? [] : [`tags ${group.tags.map(displayText).join(', ') || 'none'}`],
  ].flat();
  output.say(output.style.bold(name.length === 0 ? 'snapshots' : `snapshots of ${name.join(', ')}`));
  const rows = decisions.map(({ snapshot, keep, reasons }) => [
    keep ? output.style.good('keep') : output.style.bad('forget'),
    shortId(snapshot.id),
    displayTime(snapshot.time),
    displayText(snapshot.hostname),
    (snapshot.tags ?? []).map(displayText).join('\n'),
    reasons.map(displayText).join('\n'),
    snapshot.paths.map(displayText).join('\n'),
  ]);
  for (const line of renderTable(COLUMNS, rows, output.columns)) output.say(line);
  output.say();
}

/** @param groups undefined when snapshots were named: those that were not are in no group, and "kept 0" would frighten. */
function tellTotal(output: Output, groups: PlannedGroup[] | undefined, forgotten: number, dryRun: boolean): void {
  const all = groups?.reduce((sum, { decisions }) => sum + decisions.length, 0);
  const verb = dryRun ? 'would forget' : 'forgot';
  const kept = all === undefined ? '' : `, ${dryRun ? 'would keep' : 'kept'} ${all - forgotten}`;
  output.say(`${verb} ${count(forgotten, 'snapshot')}${kept}`);
  if (forgotten > 0 && !dryRun) output.say('their data stays until: holdfast prune');
}

function toDocument({ group, decisions }: PlannedGroup): Record<string, unknown> {
  return {
    ...group,
    decisions: decisions.map(({ snapshot, keep, reasons }) => ({ keep, reasons, snapshot })),
  };
}
