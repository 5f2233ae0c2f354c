/** `holdfast runs`: the records of what ran. */
import { InvalidArgumentError } from 'commander';
import type { RunRecord } from '../domain/run-record.ts';
import { namesOfPolicy } from '../domain/former-names.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand, Output, Style } from './command.ts';
import { count, displayMessage, displayText, displayTime } from './display.ts';
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
        'Lists recorded runs, oldest first, with what they found. Exit status 7 when the newest run of an action failed or found something.',
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
    const runs = await withEvidence(context, paths, options, async (evidence) => {
      const newest: RunRecord[] = [];
      const inForce = policy === undefined ? [] : ((await evidence.latestApply())?.actions ?? []);
      const named = policy === undefined ? {} : { policy: namesOfPolicy(inForce, policy) };
      for await (const record of evidence.readRuns({ ...query, ...named })) {
        newest.push(record);
        if (newest.length > options.limit) newest.shift();
      }
      return newest;
    });
    if (json) output.json(runs);
    else renderRuns(output, runs);
    return latestOfEach(runs).some(isBad) ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

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

function renderRuns(output: Output, runs: RunRecord[]): void {
  if (runs.length > 0) {
    const rows = runs.map((run) => toRow(output.style, run));
    for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
  }
  output.say(count(runs.length, 'run'));
}

/** In `status`'s words: done is not good when something was found. */
function markOutcome(style: Style, run: RunRecord): string {
  if (run.outcome !== 'succeeded') return style.bad(run.outcome);
  return isBad(run) ? style.warning('attention') : style.good('good');
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
