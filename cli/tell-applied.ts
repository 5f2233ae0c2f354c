/** What an apply did, for people. */
import type { PolicyCommit } from '../domain/action.ts';
import { formerIds } from '../domain/former-names.ts';
import type { Applied } from './apply-actions.ts';
import type { Output } from './command.ts';
import { count, displayText } from './display.ts';

/** `planTold`: a plan has said what changes. */
export function tellApplied(output: Output, applied: Applied, { planTold = false } = {}): void {
  const { style } = output;
  for (const name of applied.repositoriesCreated)
    output.say(`  ${style.good('+')} repository ${name} (keep its password: without it nobody can read what is in it)`);
  if (!planTold) for (const line of changeLines(applied, style)) output.say(`  ${line}`);
  output.say(summary(applied.record.commit, applied));
}

function changeLines({ record, changed, schedules }: Applied, style: Output['style']): string[] {
  const paused = schedules.pausedByOperator.map(
    (id) => `${style.warning('=')} ${id} stays paused, as an operator left it`,
  );
  if (changed)
    return [
      ...record.changes.created.map((id) => `${style.good('+')} ${id}`),
      ...record.changes.changed.map((id) => `${style.warning('~')} ${id}`),
      ...record.changes.removed.map((id) => `${style.bad('-')} ${id}`),
      ...paused,
    ];
  // Policies are as they were; what differs are schedules that someone else changed, or a fresh engine.
  return [
    ...schedules.created.map((id) => `${style.good('+')} schedule of ${id}, which was missing`),
    ...schedules.updated.map((id) => `${style.warning('~')} schedule of ${id}, which was out of date`),
    ...schedules.deleted.map((id) => `${style.bad('-')} schedule ${id}, which no policy asks for`),
    ...paused,
  ];
}

function summary(commit: PolicyCommit, { record, changed, schedules }: Applied): string {
  const { created, changed: altered, removed, unchanged } = record.changes;
  if (!changed) {
    const inForce = `${count(record.actions.length, 'action')} in force of ${describeCommit(commit)}`;
    const mended = mendedParts(schedules);
    return mended.length === 0 ? `nothing has changed: ${inForce}` : `put right: ${mended.join(', ')}; ${inForce}`;
  }
  const renamed = countRenamed(record);
  const [isNew, isGone] = [created.length - renamed, removed.length - renamed];
  const parts = [
    ...(isNew > 0 ? [`${isNew} new`] : []),
    ...(altered.length > 0 ? [`${altered.length} changed`] : []),
    ...(renamed > 0 ? [`${renamed} renamed`] : []),
    ...(isGone > 0 ? [`${isGone} removed`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
  ];
  return `applied ${describeCommit(commit)}: ${parts.join(', ') || 'no actions'}`;
}

/** A renamed policy's actions have new ids, and are what they were. */
function countRenamed({ actions, changes }: Applied['record']): number {
  const [created, removed] = [new Set(changes.created), new Set(changes.removed)];
  return actions.filter((action) => created.has(action.id) && formerIds(action).some((id) => removed.has(id))).length;
}

/** The schedules that an interrupted apply had left, that others had changed, or that `--refresh` had written anew. */
function mendedParts({ created, updated, deleted }: Applied['schedules']): string[] {
  return [
    ...(created.length > 0 ? [`${count(created.length, 'schedule')} made`] : []),
    ...(updated.length > 0 ? [`${count(updated.length, 'schedule')} written anew`] : []),
    ...(deleted.length > 0 ? [`${count(deleted.length, 'schedule')} deleted`] : []),
  ];
}

/** `commit 1a2b3c4d5e6f "Keep orders longer"`. */
export function describeCommit({ hash, subject, ref, dirty }: PolicyCommit): string {
  if (hash === undefined) return 'policies outside git';
  const title = subject === undefined ? '' : ` "${displayText(subject)}"`;
  const name = ref === undefined || hash.startsWith(ref) ? '' : ` (${displayText(ref)})`;
  return `commit ${hash.slice(0, 12)}${name}${title}${dirty ? ' with uncommitted changes' : ''}`;
}
