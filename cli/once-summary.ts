/** The summary of `start --once`: what each action did, how long it took, against which objective, and where to go from here. */
import { formatDuration } from '../common/durations.ts';
import { targetOfAction } from '../domain/action-names.ts';
import type { Action, PolicyCommit } from '../domain/action.ts';
import type { RunRecord } from '../domain/run-record.ts';
import type { Timing } from '../domain/schedule.ts';
import type { CliContext, Style } from './command.ts';
import { displayText } from './display.ts';
import { ExitStatus, mergeStatuses } from './exit-status.ts';
import { attentionLines, describeRun, describeTook, markOf, statusOfRun } from './run-lines.ts';
import { displayWidth, renderTable } from './table.ts';
import { describeCommit } from './tell-applied.ts';
import type { AuditReport } from './write-audit-report.ts';

/** A record, or why there is none. */
export interface OnceResult {
  action: Action;
  record?: RunRecord;
  skipped?: string;
  /** It was skipped because the policy says so: nothing to look at. */
  suspended?: true;
}

export interface OnceSummary {
  results: OnceResult[];
  report: AuditReport;
  commit: PolicyCommit;
  uiUrl: string | undefined;
}

export function statusOfSummary({ results, report }: OnceSummary): ExitStatus {
  const statuses = results.map(({ record, suspended }) => {
    if (record !== undefined) return statusOfRun(record);
    return suspended === true ? ExitStatus.done : ExitStatus.needsAttention;
  });
  return mergeStatuses([...statuses, report.needsAttention ? ExitStatus.needsAttention : ExitStatus.done]);
}

const COLUMNS = [
  { heading: '' },
  { heading: 'Action' },
  { heading: 'Of' },
  { heading: 'Took', align: 'right' as const },
  { heading: 'Objective' },
  { heading: 'What' },
];

/** Below the column of the action. */
const INDENT = '   ';

type SummaryOutput = Pick<CliContext['output'], 'style' | 'columns'>;

/** `paths` are the policies as the person named them, none for `policies/`: what is to be typed next must name them too. */
export function renderSummary(summary: OnceSummary, output: SummaryOutput, paths: string[]): string[] {
  const { style } = output;
  const good = summary.results.filter(({ record }) => record?.outcome === 'succeeded').length;
  return [
    '',
    style.bold(`${good} of ${summary.results.length} actions done, as ${describeCommit(summary.commit)} asks.`),
    '',
    ...renderResults(summary.results, output),
    '',
    ...whereToGo(summary, style, paths),
  ];
}

/**
 * A line for each result, and below it in full width what needs attention: a hint that is cut off is none. Where the
 * terminal has no room for the last column, it stands below as well.
 */
function renderResults(results: OnceResult[], { style, columns }: SummaryOutput): string[] {
  const rows = results.map((result) => toRow(result, style));
  const wide = renderTable(COLUMNS, rows);
  const fits = columns === undefined || wide.every((line) => displayWidth(line) <= columns);
  const narrowRows = rows.map((row) => row.slice(0, -1));
  const [heading, ...lines] = fits ? wide : renderTable(COLUMNS.slice(0, -1), narrowRows, columns);
  return [
    heading!,
    ...lines.flatMap((line, index) => {
      const { record } = results[index]!;
      const attention = record === undefined ? [] : attentionLines(record, style);
      const below = fits ? attention : [rows[index]!.at(-1)!, ...attention];
      return [line, ...below.filter((text) => text !== '').map((text) => `${INDENT}${text}`)];
    }),
  ];
}

function toRow({ action, record, skipped }: OnceResult, style: Style): string[] {
  const target = targetOfAction(action);
  const of = displayText(action.policy === undefined ? target : `${action.policy} → ${target}`);
  if (record === undefined)
    return [style.dim('-'), action.kind, of, '', describeTiming(action), displayText(skipped ?? '')];
  return [
    markOf(record, style),
    action.kind,
    of,
    describeTook(record),
    describeObjective(action, record),
    describeRun(record),
  ];
}

/** Backups are held against the RPO, restore tests against the RTO; all else is promised to happen so often. */
function describeObjective(action: Action, { figures, outcome }: RunRecord): string {
  const { objectives } = action;
  if (objectives !== undefined && action.kind === 'backup')
    return `RPO ${formatDuration(objectives.rpoSeconds)}: ${outcome === 'succeeded' ? 'met' : 'not met by this run'}`;
  if (objectives !== undefined && figures?.kind === 'restore-test') {
    const isMet = figures.proven && figures.estimatedFullRestoreSeconds <= objectives.rtoSeconds;
    return `RTO ${formatDuration(objectives.rtoSeconds)}: ${isMet ? 'met' : 'not met'}`;
  }
  return describeTiming(action);
}

function describeTiming({ schedule }: Action): string {
  return timingInWords(schedule.timing);
}

function timingInWords(timing: Timing): string {
  if (timing.kind === 'interval') return `every ${formatDuration(timing.everySeconds)}`;
  if (timing.kind === 'cron') return `cron ${timing.expression}`;
  const time = `${String(timing.hour).padStart(2, '0')}:${String(timing.minute).padStart(2, '0')}`;
  return `every ${timing.days === undefined ? (timing.day ?? 'day') : `${timing.days.every}d`} ${time}`;
}

function whereToGo({ results, report, uiUrl }: OnceSummary, style: Style, paths: string[]): string[] {
  const words = paths.map(shellWord);
  // Only one folder can be named there; who gave several knows which of them has the repository.
  const policies = words.length === 1 ? ` --policies ${words[0]}` : '';
  const lines = [`${style.bold('Audit report')}  ${report.textPath} (as data: ${report.jsonPath})`];
  for (const { policy, repository } of restorable(results))
    lines.push(
      `${style.bold('Restore')}       npx holdfast restore latest --repository ${repository} --policy ${policy}${policies} --target restored`,
    );
  if (uiUrl !== undefined)
    lines.push(
      `${style.bold('Histories')}     npx ${['holdfast start', ...words].join(' ')}, then ${uiUrl} (the engine stops with this command)`,
    );
  return lines;
}

/** As a person types it into a shell. */
function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Each policy with a snapshot from this run, and the repository that has it. */
function restorable(results: OnceResult[]): { policy: string; repository: string }[] {
  return results.flatMap(({ action, record }) =>
    action.kind === 'backup' && action.policy !== undefined && record?.snapshot !== undefined
      ? [{ policy: action.policy, repository: record.snapshot.repository }]
      : [],
  );
}
