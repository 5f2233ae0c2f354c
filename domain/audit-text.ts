/** The audit as text that a person reads: figures, objectives, what did not go well, what to do. */
import type { Audit, AuditedAction, AuditedAdoption, AuditedPause } from './audit.ts';
import { auditPeriod } from './audit.ts';
import type { AuditedRun } from './judge-slots.ts';
import { inWords, type ObjectiveReport } from './objectives.ts';
import { describeSuspension } from './suspensions.ts';

const MAX_LISTED = 50;

/** Plain text without colours, ending in a newline. */
export function renderAudit(audit: Audit): string {
  const sections = [
    heading(audit),
    table(
      'Runs',
      [
        'action',
        'expected',
        'good',
        'findings',
        'failed',
        'missed',
        'late',
        'skipped',
        'suspended',
        'paused',
        'extra',
        'last good',
      ],
      audit.actions.map(actionRow),
    ),
    table(
      'Objectives',
      ['policy', 'RPO', 'age of data', '', 'RTO', 'restore takes', '', 'last proof'],
      audit.objectives.map(objectiveRow),
    ),
    table('Pauses', ['from', 'to', 'action', 'by', 'why'], audit.pauses.map(pauseRow)),
    table('Adopted', ['at', 'snapshots', 'policy', 'repository', 'by', 'record'], audit.adoptions.map(adoptionRow)),
    exceptions(audit),
    findings(audit),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function heading(audit: Audit): string {
  const verdict = audit.findings.some((finding) => finding.severity !== 'notice')
    ? 'needs attention'
    : 'nothing needs attention';
  const commit = audit.commit?.hash === undefined ? 'policies outside git' : `commit ${audit.commit.hash.slice(0, 12)}`;
  return [
    `Audit of ${auditPeriod(audit)}: ${verdict}`,
    audit.applyId === undefined
      ? 'No policy was ever applied.'
      : `In force: ${commit}${audit.commit?.dirty ? ', with uncommitted changes' : ''} (apply ${audit.applyId})`,
    summary(audit),
  ].join('\n');
}

/** A first audit has nothing to count: that must not read as if all had failed. */
function summary({ figures, actions }: Audit): string {
  const sum = (field: 'extra' | 'skipped'): number => actions.reduce((total, action) => total + action[field], 0);
  const extra = sum('extra');
  const skipped = sum('skipped');
  const objectives = `${count(figures.objectivesMissed, 'objective')} missed.`;
  if (figures.expected === 0) {
    const besides = extra === 0 ? '' : `, and ${extra} ran besides`;
    return `No scheduled run was due in this period yet${besides}. ${objectives}`;
  }
  return (
    `${count(figures.expected, 'run')} expected: ${figures.succeeded} good, ${figures.attention} with findings, ${figures.failed} failed, ` +
    `${figures.missed} missed, ${skipped === 0 ? '' : `${skipped} skipped, `}${figures.suspended} suspended${figures.paused ? `, ${figures.paused} paused` : ''}; ${figures.late} began late. ${objectives}`
  );
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function actionRow(action: AuditedAction): string[] {
  const lastGood = action.lastGoodAt === undefined ? '-' : shortTime(action.lastGoodAt);
  return [
    action.actionId,
    ...[
      action.expected,
      action.succeeded,
      action.attention,
      action.failed,
      action.missed,
      action.late,
      action.skipped,
      action.suspended,
      action.paused,
      action.extra,
    ].map(String),
    action.suspendedBy === undefined ? lastGood : `${lastGood} (${describeSuspension(action.suspendedBy)})`,
  ];
}

function adoptionRow({ adoptedAt, adoptedBy, policy, repository, record, snapshots }: AuditedAdoption): string[] {
  return [shortTime(adoptedAt), String(snapshots), policy, repository, adoptedBy, `adoptions/${record}.json`];
}

function pauseRow({ actionId, since, until, by, reason }: AuditedPause): string[] {
  return [shortTime(since), until === undefined ? 'goes on' : shortTime(until), actionId, by, reason];
}

function objectiveRow({ policy, rpo, rto, provenAt }: ObjectiveReport): string[] {
  return [
    policy,
    inWords(rpo.seconds),
    rpo.ageSeconds === undefined ? '-' : inWords(rpo.ageSeconds),
    rpo.state,
    inWords(rto.seconds),
    rto.estimatedSeconds === undefined ? '-' : inWords(rto.estimatedSeconds),
    rto.state,
    provenAt === undefined ? '-' : shortTime(provenAt),
  ];
}

function exceptions(audit: Audit): string {
  if (audit.exceptions.length === 0) return '';
  const more = audit.exceptions.length - MAX_LISTED + audit.exceptionsLeftOut;
  const rows = audit.exceptions.slice(-MAX_LISTED).map(exceptionRow);
  const text = table('Runs that were not as expected', ['expected at', 'action', 'what', 'why'], rows);
  return more > 0 ? `${text}\n  ${more} earlier ones are in the JSON form or left out` : text;
}

function exceptionRow(run: AuditedRun): string[] {
  const what = run.late ? `${run.state}, late (began ${shortTime(run.startedAt!)})` : run.state;
  return [shortTime(run.expectedAt), run.actionId, what, run.reason ?? ''];
}

function findings(audit: Audit): string {
  if (audit.findings.length === 0) return 'Findings\n  none';
  const lines = audit.findings.flatMap((finding) => [
    `  ${finding.severity.padEnd(8)}  ${finding.code}: ${finding.message}`,
    ...(finding.hint === undefined ? [] : [`            ${finding.hint}`]),
  ]);
  return ['Findings', ...lines].join('\n');
}

function table(title: string, header: string[], rows: string[][]): string {
  if (rows.length === 0) return '';
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const lines = all.map((row) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [title, ...lines].join('\n');
}

/** To the minute, in UTC. */
function shortTime(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')}Z`;
}
