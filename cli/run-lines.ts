/** One run in a line, and the exit status that it asks for. */
import { formatDuration } from '../common/durations.ts';
import { targetOfAction } from '../domain/action-names.ts';
import { needsAttention } from '../domain/findings.ts';
import type { LocationRequests, RunRecord } from '../domain/run-record.ts';
import type { Style } from './command.ts';
import { describeFigures } from './describe-figures.ts';
import { describeRequests } from './describe-requests.ts';
import { displayMessage, displayText } from './display.ts';
import { ExitStatus, mergeStatuses, statusOfCode } from './exit-status.ts';
import { statusOfFindings } from './findings.ts';

export function statusOfRun({ error, findings, outcome }: RunRecord): ExitStatus {
  if (outcome === 'cancelled') return ExitStatus.interrupted;
  // What failed carries a finding that says the same in other words.
  if (error !== undefined) return statusOfCode(error.code);
  return mergeStatuses([statusOfFindings(findings)]);
}

/** `✓`, `!` (done, but something needs attention) or `✗`. */
export function markOf(record: RunRecord, style: Style): string {
  if (record.outcome !== 'succeeded') return style.bad('✗');
  return record.findings.some(needsAttention) ? style.warning('!') : style.good('✓');
}

export function tookSeconds({ startedAt, finishedAt }: RunRecord): number {
  return (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
}

export function describeTook(record: RunRecord): string {
  const seconds = tookSeconds(record);
  return seconds < 10 ? `${seconds.toFixed(1)}s` : formatDuration(Math.round(seconds));
}

export function describeRun({ error, figures, dryRun, requests = [] }: RunRecord): string {
  if (error !== undefined) return displayMessage(error.message);
  const asked = requests.map((each) => `; ${describePlace(each)}: ${describeRequests(each)}`).join('');
  return figures === undefined ? '' : `${describeFigures(figures, { isPlan: dryRun })}${displayText(asked)}`;
}

/** `vault`, and as whom the run acted there: `vault as reader auditor`. */
function describePlace({ location, role, user }: LocationRequests): string {
  const actor = [role, user].filter((part) => part !== undefined).join(' ');
  return actor === '' ? location : `${location} as ${actor}`;
}

/** `✓ backup checkout → demo  23 MiB, 12 new …  2.1s`, and findings below. */
export function runLines(record: RunRecord, style: Style): string[] {
  const target = targetOfAction({ ...record, id: record.actionId });
  const what = record.policy === undefined ? target : `${record.policy} → ${target}`;
  const dry = record.dryRun ? ' (dry run)' : '';
  return [
    `${markOf(record, style)} ${record.kind}${dry} ${displayText(what)}: ${describeRun(record)} ${style.dim(`(${describeTook(record)})`)}`,
    ...attentionLines(record, style).map((line) => `  ${line}`),
  ];
}

/** What to look at, each with what to do; an error's own finding is not told twice. */
export function attentionLines(record: RunRecord, style: Style): string[] {
  const { error } = record;
  const hint = error?.hint === undefined ? [] : [style.dim(`→ ${displayMessage(error.hint)}`)];
  const findings = record.findings.filter((finding) => needsAttention(finding) && finding.message !== error?.message);
  return [
    ...hint,
    ...findings.flatMap((finding) => [
      `${style.warning('!')} ${displayMessage(finding.message)}`,
      ...(finding.hint === undefined ? [] : [style.dim(`  → ${displayMessage(finding.hint)}`)]),
    ]),
    ...leftOutLines(record).map((line) => style.dim(line)),
  ];
}

/** What a sync left out as it must (links of an encrypted copy), in one line: nothing is to be done, but the copy is not all. */
export function leftOutLines({ findings }: RunRecord): string[] {
  const notices = findings.filter((finding) => finding.code === 'sync/not-kept' && !needsAttention(finding));
  const [first] = notices;
  if (first === undefined) return [];
  // The last one may stand for those that are not listed.
  const more = /^(\d+) more$/.exec(notices.at(-1)!.subject)?.[1];
  const number = notices.length + (more === undefined ? 0 : Number(more) - 1);
  const told = displayMessage(first.message);
  return [number === 1 ? `· ${told}` : `· ${number} entries are left out of the copy, such as: ${told}`];
}
