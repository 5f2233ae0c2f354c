/** `holdfast repair snapshots`: new snapshots of those that lack data, with all that is left of them. */
import { HoldfastError } from '../common/errors.ts';
import { fits } from '../domain/find-snapshot.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { repairSnapshots, type RepairedSnapshot } from '../repository/repair-snapshots.ts';
import type { Output } from './command.ts';
import { count, describeSnapshot, displayMessage, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import { noteRemovals } from './note-removals.ts';
import type { RepairInput } from './repair-options.ts';
import { ofPlace, selectSnapshot } from './select-snapshot.ts';

/** Integrity when something damaged remains that `--forget` would remove: what cannot even be listed, or has no root. */
export async function repairSnapshotsOf(input: RepairInput): Promise<ExitStatus> {
  const { context, repository, signal, place, options } = input;
  const { output, json } = context;
  const dryRun = options.dryRun === true;
  const forget = options.forget === true;
  const { chosen, broken } = await choose(input);
  const progress = output.progress();
  try {
    const results = await repairSnapshots(repository, chosen, {
      forget,
      dryRun,
      signal,
      progress,
      // By hand as by schedule: prune spares for a while what is left of the originals.
      beforeRemoval: (snapshots) => noteRemovals(context, repository, place, snapshots),
    });
    progress.finish();
    if (!dryRun && forget) for (const id of broken.named) await repository.removeSnapshot(id, { signal });
    for (const result of results) tell(output, result, { dryRun, forget });
    tellBroken(output, broken, { dryRun, forget });
    if (json) output.json({ dryRun, forget, snapshots: results.map(toDocument), unreadable: broken });
    const changed = results.filter(({ outcome }) => outcome !== 'sound');
    output.say(
      `${count(changed.length, 'snapshot')} of ${results.length} ${changed.length === 1 ? 'lacks' : 'lack'} data${dryRun ? '; nothing was changed' : ''}`,
    );
    const rootless = changed.some(({ outcome }) => outcome === 'lost');
    const remains = broken.others.length > 0 || (!forget && (rootless || broken.named.length > 0));
    return remains ? ExitStatus.integrity : ExitStatus.done;
  } finally {
    progress.finish();
  }
}

/** Snapshot files that cannot be read: those that were named by their full ids, and the others. */
interface Broken {
  named: string[];
  others: string[];
}

async function choose({
  repository,
  signal,
  options,
  ids,
  place,
}: RepairInput): Promise<{ chosen: Snapshot[]; broken: Broken }> {
  const filters = ofPlace(options, place);
  const unreadable: string[] = [];
  const snapshots = await repository.listSnapshots({ signal, onError: (id) => void unreadable.push(id) });
  const named = unreadable.filter((id) => ids.includes(id));
  const wanted = ids.filter((id) => !named.includes(id));
  if (wanted.includes('latest') && unreadable.length > 0)
    throw new HoldfastError(
      'Integrity',
      `the snapshot file ${unreadable[0]} cannot be read: it may be the latest one`,
      {
        hint: 'Name snapshots by their ids.',
      },
    );
  const selected = new Set(wanted.map((id) => selectSnapshot(snapshots, id, filters)));
  const chosen = snapshots.filter((snapshot) => (ids.length === 0 ? fits(snapshot, filters) : selected.has(snapshot)));
  return { chosen, broken: { named, others: ids.length === 0 ? unreadable : [] } };
}

function tell(
  output: Output,
  { snapshot, outcome, newId, changes }: RepairedSnapshot,
  { dryRun, forget }: { dryRun: boolean; forget: boolean },
): void {
  if (outcome === 'sound') return output.detail(`${describeSnapshot(snapshot)}: nothing is missing`);
  output.say(describeSnapshot(snapshot));
  for (const change of changes) output.say(`  ${displayMessage(change)}`);
  const would = dryRun ? 'would be ' : '';
  if (outcome === 'rewritten') output.say(`  ${would}saved anew${newId === undefined ? '' : ` as ${shortId(newId)}`}`);
  if (forget) output.say(`  the original ${dryRun ? 'would be' : 'is'} removed`);
  else if (outcome === 'lost') output.say('  nothing can be saved of it; --forget removes it');
}

function tellBroken(
  output: Output,
  { named, others }: Broken,
  { dryRun, forget }: { dryRun: boolean; forget: boolean },
): void {
  for (const id of named)
    output.say(
      `the snapshot file ${id} cannot be read: ${forget ? `${dryRun ? 'would be' : 'is'} removed` : '--forget removes it'}`,
    );
  for (const id of others)
    output.warn(`the snapshot file ${id} cannot be read\n  → holdfast repair snapshots --forget ${id}`, 'critical');
}

function toDocument({ snapshot, outcome, newId, changes }: RepairedSnapshot): Record<string, unknown> {
  return { snapshotId: snapshot.id, outcome, ...(newId === undefined ? {} : { newId }), changes };
}
