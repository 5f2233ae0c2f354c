/** What an apply did, for people. */
import type { PolicyCommit } from '../domain/action.ts';
import type { Applied } from './apply-actions.ts';
import type { Output } from './command.ts';
import { count, displayText } from './display.ts';

export function tellApplied(output: Output, { record, changed, repositoriesCreated, schedules }: Applied): void {
  const { style } = output;
  for (const name of repositoriesCreated)
    output.say(`  ${style.good('+')} repository ${name} (keep its password: without it nobody can read what is in it)`);
  if (changed) {
    for (const id of record.changes.created) output.say(`  ${style.good('+')} ${id}`);
    for (const id of record.changes.changed) output.say(`  ${style.warning('~')} ${id}`);
    for (const id of record.changes.removed) output.say(`  ${style.bad('-')} ${id}`);
  } else {
    // Policies are as they were; what differs are schedules that someone else changed, or a fresh engine.
    for (const id of schedules.created) output.say(`  ${style.good('+')} schedule of ${id}, which was missing`);
    for (const id of schedules.updated) output.say(`  ${style.warning('~')} schedule of ${id}, which was out of date`);
    for (const id of schedules.deleted) output.say(`  ${style.bad('-')} schedule ${id}, which no policy asks for`);
  }
  for (const id of schedules.pausedByOperator)
    output.say(`  ${style.warning('=')} ${id} stays paused, as an operator left it`);
  output.say(summary(record.commit, { record, changed, repositoriesCreated, schedules }));
}

function summary(commit: PolicyCommit, { record, changed }: Applied): string {
  const { created, changed: altered, removed, unchanged } = record.changes;
  if (!changed)
    return `nothing has changed: ${count(record.actions.length, 'action')} in force of ${describeCommit(commit)}`;
  const parts = [
    ...(created.length > 0 ? [`${created.length} new`] : []),
    ...(altered.length > 0 ? [`${altered.length} changed`] : []),
    ...(removed.length > 0 ? [`${removed.length} removed`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ];
  return `applied ${describeCommit(commit)}: ${parts.join(', ') || 'no actions'}`;
}

/** `commit 1a2b3c4d5e6f "Keep orders longer"`. */
export function describeCommit({ hash, subject, dirty }: PolicyCommit): string {
  if (hash === undefined) return 'policies outside git';
  const title = subject === undefined ? '' : ` "${displayText(subject)}"`;
  return `commit ${hash.slice(0, 12)}${title}${dirty ? ' with uncommitted changes' : ''}`;
}
