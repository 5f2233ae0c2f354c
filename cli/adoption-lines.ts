/** What an adoption shows a person: the plan, what to know before saying yes, and what was done. */
import type { AdoptionResult } from '../activities/adopt-snapshots.ts';
import { hasSamePaths, isUnowned, type PlannedAdoption } from '../domain/adoption.ts';
import { planForget } from '../domain/retention.ts';
import { isOfPolicy, type Snapshot } from '../domain/snapshot.ts';
import type { AdoptingPolicy } from './adopting-policy.ts';
import type { Output } from './command.ts';
import { count, displayText, displayTime, shortId } from './display.ts';
import { renderTable } from './table.ts';

const COLUMNS = [{ heading: '' }, { heading: 'ID' }, { heading: 'Time' }, { heading: 'Host' }, { heading: 'Paths' }];

export interface AdoptionPlan {
  plan: readonly PlannedAdoption[];
  remarks: readonly string[];
  policy: string;
  /** Snapshots of the repository. */
  all: readonly Snapshot[];
}

export function tellPlan(output: Output, { plan, remarks, policy, all }: AdoptionPlan): void {
  const rows = plan.map(({ snapshot, step, policy: owner = '' }) => [
    {
      adopt: output.style.good('adopt'),
      finish: output.style.good('finish'),
      own: output.style.dim(`${policy} has it`),
      other: output.style.warning(`left to ${displayText(owner)}`),
    }[step],
    shortId(snapshot.id),
    displayTime(snapshot.time),
    displayText(snapshot.hostname),
    snapshot.paths.map(displayText).join('\n'),
  ]);
  if (rows.length > 0) for (const line of renderTable(COLUMNS, rows, output.columns)) output.say(line);
  for (const remark of remarks) output.warn(remark);
  if (plan.some(({ step }) => step === 'adopt' || step === 'finish')) return;
  output.say(`there is nothing to adopt for ${policy}`);
  const unowned = all.filter(isUnowned).length;
  if (unowned > 0)
    output.note(
      `${count(unowned, 'snapshot')} of other hosts or folders ${unowned === 1 ? 'is' : 'are'} nobody’s; choose by id, --host, --path or --tag`,
    );
}

/** Sentences about what will become of them that may not be what the person wants. */
export function remarksOf(
  plan: readonly PlannedAdoption[],
  all: readonly Snapshot[],
  { name, source, retention }: AdoptingPolicy,
  now: Date,
): string[] {
  const taken = plan.flatMap(({ step, snapshot }) => (step === 'adopt' || step === 'finish' ? [snapshot] : []));
  if (taken.length === 0) return [];
  const remarks: string[] = [];
  const others = plan.filter(({ step }) => step === 'other').length;
  if (others > 0)
    remarks.push(
      `${count(others, 'snapshot')} of other policies ${others === 1 ? 'stays' : 'stay'} theirs; a renamed policy names its old name in "formerly"`,
    );
  const foreign = source && taken.filter((snapshot) => !hasSamePaths(snapshot, source.directories)).length;
  if (source !== undefined && foreign !== undefined && foreign > 0)
    remarks.push(
      `${count(foreign, 'snapshot')} of them ${foreign === 1 ? 'is' : 'are'} not of what ${name} backs up (${source.directories.map(displayText).join(', ')}): no backup goes on from there`,
    );
  if (retention === undefined) return remarks;
  const own = all.filter((snapshot) => isOfPolicy(snapshot, retention.policyNames));
  const hold = retention.hold === undefined ? {} : { hold: retention.hold };
  const group = [...own.filter((snapshot) => !hasSuccessorOf(plan, snapshot)), ...taken];
  const { forgotten, exceedsMaxForget } = planForget(group, [], retention.rules, now, hold);
  const ids = new Set(taken.map(({ id }) => id));
  const going = forgotten.filter(({ snapshot }) => ids.has(snapshot.id)).length;
  if (going > 0)
    remarks.push(
      `the retention of ${name} will forget ${going} of them${exceedsMaxForget ? ', once somebody accepts its guard maxForget' : ' at its next run'}: change its rules first if they are to stay`,
    );
  return remarks;
}

/** The same snapshot twice would count twice. */
function hasSuccessorOf(plan: readonly PlannedAdoption[], { id }: Snapshot): boolean {
  return plan.some(({ successor }) => successor?.id === id);
}

export function tellResult(
  output: Output,
  { adopted, left }: AdoptionResult,
  { policy, record }: { policy: string; record: string | undefined },
): void {
  for (const { oldId, newId } of adopted) output.detail(`${shortId(oldId)} is now ${shortId(newId)}`);
  if (adopted.length === 0) return;
  output.say(`adopted ${count(adopted.length, 'snapshot')} for ${policy}; no data was uploaded again`);
  if (record === undefined) output.note('nothing was recorded: no policies say where evidence is kept');
  else output.say(`recorded as adoptions/${record}.json of the evidence`);
  if (left.length > 0)
    output.warn(
      `${count(left.length, 'old snapshot file')} could not be removed: this identity may not delete\n  → run the same again as an identity that may (the Location’s "maintainer", or --repo with such an account): it removes them and adopts nothing twice`,
    );
}
