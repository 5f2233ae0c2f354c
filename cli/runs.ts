/** `holdfast runs`: the records of what ran. */
import { InvalidArgumentError } from 'commander';
import type { PauseRecord } from '../domain/pause-record.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { namesOfPolicy } from '../domain/former-names.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand, Output, Style } from './command.ts';
import { count, displayMessage, displayText, displayTime } from './display.ts';
import type { RunQuery } from '../evidence/evidence-store.ts';
import { addEvidenceOptions, withEvidence, type EvidenceOptions } from './evidence-options.ts';
import { ExitStatus } from './exit-status.ts';
import { describeRun, describeTook } from './run-lines.ts';
import { parsePointInTime } from './select-snapshot.ts';
import { renderTable } from './table.ts';

interface Options extends EvidenceOptions {
  policies?: string;
  from?: string;
  to?: string;
  limit: number;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Lists recorded runs, oldest first, with what they found, and when somebody paused or resumed actions. Exit status 7 when the newest run of an action failed or found something.',
      )
      .argument('[policy]', 'only runs of this policy, under its former names too')
      .option('--from <time>', 'only runs that ended at or after this time')
      .option('--to <time>', 'only runs that ended at or before this time')
      .option('--limit <n>', 'at most the newest n', parseLimit, 50)
      .option('--policies <path>', 'where the policies are (default: policies/)');
    addEvidenceOptions(command);
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const policy = args[0] as string | undefined;
    const query = {
      from: options.from === undefined ? undefined : parsePointInTime(options.from, 'begin'),
      to: options.to === undefined ? undefined : parsePointInTime(options.to),
    };
    const paths = options.policies === undefined ? [] : [options.policies];
    const entries = await withEvidence(context, paths, options, async (evidence) => {
      const newest: Entry[] = [];
      const inForce = policy === undefined ? [] : ((await evidence.latestApply())?.actions ?? []);
      const named = policy === undefined ? {} : { policy: namesOfPolicy(inForce, policy) };
      const pauses = (await evidence.readPauses()).filter((record) => isAsked(record, { ...query, ...named }));
      for await (const record of evidence.readRuns({ ...query, ...named })) {
        while (pauses.length > 0 && timeOf(pauses[0]!) <= timeOf(record)) newest.push(pauses.shift()!);
        newest.push(record);
        while (newest.length > options.limit) newest.shift();
      }
      return [...newest, ...pauses].slice(-options.limit);
    });
    if (json) output.json(entries);
    else renderEntries(output, entries);
    return latestOfEach(entries.filter(isRun)).some(isBad) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

/** What happened: a run, or that somebody paused or resumed something. */
type Entry = RunRecord | PauseRecord;

function isRun(entry: Entry): entry is RunRecord {
  return entry.format === 'holdfast-run/1';
}

function timeOf(entry: Entry): number {
  return Date.parse(isRun(entry) ? entry.finishedAt : entry.at);
}

function isAsked(record: PauseRecord, { from, to, policy }: RunQuery): boolean {
  const isOf = (name: string): boolean => record.actions.some((id) => id.startsWith(`policy/${name}/`));
  if (policy !== undefined && ![policy].flat().some(isOf)) return false;
  const at = timeOf(record);
  return (from === undefined || at >= from.getTime()) && (to === undefined || at <= to.getTime());
}

function parseLimit(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give a whole number from 1.');
  return Number(text);
}

function latestOfEach(runs: RunRecord[]): RunRecord[] {
  return [...new Map(runs.filter(({ dryRun }) => !dryRun).map((run) => [run.actionId, run])).values()];
}

function isBad(run: RunRecord): boolean {
  return run.outcome !== 'succeeded' || run.findings.some(needsAttention);
}

const COLUMNS = [
  { heading: 'Ended' },
  { heading: 'Policy' },
  { heading: 'Action' },
  { heading: 'Target' },
  { heading: 'Outcome' },
  { heading: 'Took', align: 'right' as const },
  { heading: 'What' },
];

function renderEntries(output: Output, entries: Entry[]): void {
  if (entries.length > 0) {
    const rows = entries.map((entry) => (isRun(entry) ? toRow(output.style, entry) : toPauseRow(output.style, entry)));
    for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
  }
  output.say(count(entries.filter(isRun).length, 'run'));
}

/** In `status`'s words: done is not good when something was found. */
function markOutcome(style: Style, run: RunRecord): string {
  if (run.outcome !== 'succeeded') return style.bad(run.outcome);
  return isBad(run) ? style.warning('attention') : style.good('good');
}

function toPauseRow(style: Style, { at, step, by, reason, subject, actions }: PauseRecord): string[] {
  const kinds = [...new Set(actions.map((id) => id.split('/')[id.startsWith('project/') ? 1 : 2]!))].join(', ');
  const why = reason === undefined ? '' : `: ${displayText(reason)}`;
  const outcome = step === 'pause' ? style.warning('paused') : 'resumed';
  return [displayTime(at), displayText(subject), kinds, '', outcome, '', `by ${displayText(by)}${why}`];
}

function toRow(style: Style, run: RunRecord): string[] {
  return [
    displayTime(run.finishedAt),
    run.policy ?? '',
    run.dryRun ? `${run.kind} (dry run)` : run.kind,
    displayText(run.target),
    markOutcome(style, run),
    describeTook(run),
    [
      describeRun(run),
      ...run.findings.filter(needsAttention).map(({ message }) => `! ${displayMessage(message)}`),
    ].join('\n'),
  ];
}
