/** `holdfast runs`: the records of what ran. */
import { InvalidArgumentError } from 'commander';
import type { PauseRecord } from '../domain/pause-record.ts';
import type { RunRecord } from '../domain/run-record.ts';
import { suspensionSteps, type SuspensionStep } from '../domain/suspensions.ts';
import { targetOfAction } from '../domain/action-names.ts';
import { namesOfPolicy } from '../domain/former-names.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand, Output, Style } from './command.ts';
import { count, displayMessage, displayText, displayTime } from './display.ts';
import type { RunQuery } from '../evidence/evidence-store.ts';
import { addEvidenceOptions, withEvidence, type EvidenceOptions } from './evidence-options.ts';
import { ExitStatus } from './exit-status.ts';
import { describeRun, describeTook, leftOutLines } from './run-lines.ts';
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
        'Lists recorded runs, oldest first, with what they found, and when somebody paused or resumed actions, or suspended them by their policy. Exit status 7 when the newest run of an action failed or found something.',
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
      const silences = [...(await evidence.readPauses()), ...(await suspensionSteps(evidence.readApplies()))]
        .filter((record) => isAsked(record, { ...query, ...named }))
        .sort((a, b) => timeOf(a) - timeOf(b));
      for await (const record of evidence.readRuns({ ...query, ...named })) {
        while (silences.length > 0 && timeOf(silences[0]!) <= timeOf(record)) newest.push(silences.shift()!);
        newest.push(record);
        while (newest.length > options.limit) newest.shift();
      }
      return [...newest, ...silences].slice(-options.limit);
    });
    if (json) output.json(entries);
    else renderEntries(output, entries);
    return latestOfEach(entries.filter(isRun)).some(isBad) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

/** That somebody paused or resumed something, or suspended it by its policy. */
type Silence = PauseRecord | SuspensionStep;

/** What happened. */
type Entry = RunRecord | Silence;

function isRun(entry: Entry): entry is RunRecord {
  return entry.format === 'holdfast-run/1';
}

function timeOf(entry: Entry): number {
  return Date.parse(isRun(entry) ? entry.finishedAt : entry.at);
}

function isAsked(record: Silence, { from, to, policy }: RunQuery): boolean {
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
    const rows = entries.map((entry) =>
      isRun(entry) ? toRow(output.style, entry) : toSilenceRow(output.style, entry),
    );
    for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
  }
  output.say(count(entries.filter(isRun).length, 'run'));
}

/** In `status`'s words: done is not good when something was found. */
function markOutcome(style: Style, run: RunRecord): string {
  if (run.outcome !== 'succeeded') return style.bad(run.outcome);
  return isBad(run) ? style.warning('attention') : style.good('good');
}

const SILENCE_OUTCOMES = { pause: 'paused', resume: 'resumed', suspend: 'suspended', unsuspend: 'goes on' };

function toSilenceRow(style: Style, record: Silence): string[] {
  const { at, step, by, subject, actions } = record;
  const kinds = [...new Set(actions.map((id) => id.split('/')[id.startsWith('project/') ? 1 : 2]!))].join(', ');
  const outcome = SILENCE_OUTCOMES[step];
  const marked = step === 'pause' || step === 'suspend' ? style.warning(outcome) : outcome;
  return [displayTime(at), displayText(subject), kinds, '', marked, '', `by ${displayText(by)}${whyOf(record)}`];
}

/** With the commit that has it, where a policy says it. */
function whyOf(record: Silence): string {
  const why = record.reason === undefined ? '' : `: ${displayText(record.reason)}`;
  if (record.format === 'holdfast-pause/1') return why;
  const commit = record.commit === undefined ? '' : `, in ${record.commit.slice(0, 12)}`;
  if (record.step === 'unsuspend') return `${commit}: no longer suspended (${displayText(record.reason)})`;
  return `${commit}${record.until === undefined ? '' : `, until ${record.until}`}${why}`;
}

function toRow(style: Style, run: RunRecord): string[] {
  return [
    displayTime(run.finishedAt),
    run.policy ?? '',
    run.dryRun ? `${run.kind} (dry run)` : run.kind,
    displayText(targetOfAction({ ...run, id: run.actionId })),
    markOutcome(style, run),
    describeTook(run),
    [
      describeRun(run),
      ...run.findings.filter(needsAttention).map(({ message }) => `! ${displayMessage(message)}`),
      ...leftOutLines(run),
    ].join('\n'),
  ];
}
