/** `holdfast status`: each policy's last good runs, its data's age against the RPO, its restores against the RTO. */
import { formatDuration } from '../common/durations.ts';
import { targetOfAction } from '../domain/action-names.ts';
import { auditReach } from '../domain/audit.ts';
import { appliesInForce } from '../domain/expected-runs.ts';
import type { ObjectiveReport } from '../domain/objectives.ts';
import type { PauseSpan } from '../domain/pauses.ts';
import { buildStatus, type ActionStatus, type PolicyStatus, type Status } from '../domain/status.ts';
import { notingSuspensions, type Suspension } from '../domain/suspensions.ts';
import type { CliCommand, Output, Style } from './command.ts';
import { count, displayText, displayTime } from './display.ts';
import { addEvidenceOptions, withEvidence, type EvidenceOptions } from './evidence-options.ts';
import { ExitStatus } from './exit-status.ts';
import { renderTable } from './table.ts';

interface Options extends EvidenceOptions {
  failing?: boolean;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Shows what protects each policy now, from the records alone: the engine need not run. Exit status 7 when something needs attention.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--failing', 'only what needs attention');
    addEvidenceOptions(command);
  },

  async run(context, { args, options }) {
    const { output, json } = context;
    const status = await withEvidence(context, args[0] as string[], options, async (evidence) => {
      const apply = await evidence.latestApply();
      const now = context.now();
      const { runsFrom } = auditReach(apply === undefined ? [] : [apply], now);
      const suspensions = new Map<string, Suspension>();
      const noted = notingSuspensions(evidence.readApplies(), suspensions, now);
      const applies = await appliesInForce(noted, runsFrom, now);
      const earlier = applies.filter(({ id }) => id !== apply?.id);
      const runs = evidence.readRuns({ from: runsFrom });
      return buildStatus({ apply, earlier, runs, pauses: await evidence.readPauses(), suspensions, now });
    });
    const shown = options.failing === true ? onlyFailing(status) : status;
    if (json) output.json(shown);
    else renderStatus(output, shown);
    // Nothing in force protects nothing.
    return status.failing || status.applyId === undefined ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

function onlyFailing(status: Status): Status {
  const failing = (action: ActionStatus): boolean => ['failed', 'overdue', 'attention'].includes(action.state);
  return {
    ...status,
    policies: status.policies.filter((policy) => policy.failing),
    others: status.others.filter(failing),
  };
}

function renderStatus(output: Output, status: Status): void {
  const { style } = output;
  if (status.applyId === undefined) {
    output.line('no policy was ever applied: nothing is protected');
    output.line('  → holdfast start, or holdfast apply to an engine that runs');
    return;
  }
  const commit = status.commit?.hash?.slice(0, 12) ?? 'outside git';
  const dirty = status.commit?.dirty === true ? ', with uncommitted changes' : '';
  output.line(`in force since ${displayTime(status.appliedAt!)}: ${commit}${dirty}`);
  for (const policy of status.policies) renderPolicy(output, policy, status.at);
  if (status.others.length > 0) renderActions(output, style.bold('repositories and project'), status.others, status.at);
  output.line();
  output.line(status.failing ? style.bad('something needs attention') : style.good('nothing needs attention'));
}

function renderPolicy(output: Output, policy: PolicyStatus, at: string): void {
  const importance = policy.importance === undefined ? '' : ` (${policy.importance})`;
  const heading = `${output.style.bold(displayText(policy.policy))}${importance}`;
  const objectives = policy.objectives === undefined ? '' : `  ${describeObjectives(output.style, policy.objectives)}`;
  renderActions(output, heading + objectives, policy.actions, at);
}

function describeObjectives(style: Style, { rpo, rto, provenAt }: ObjectiveReport): string {
  const mark = (state: string, text: string): string =>
    state === 'missed' ? style.bad(text) : state === 'met' ? style.good(text) : text;
  const age = rpo.ageSeconds === undefined ? 'no data yet' : `data ${formatDuration(rpo.ageSeconds)} old`;
  const restore =
    rto.estimatedSeconds === undefined ? 'not measured' : `restore ${formatDuration(Math.ceil(rto.estimatedSeconds))}`;
  const proof = provenAt === undefined ? 'never proven' : `proven ${displayTime(provenAt)}`;
  return [
    mark(rpo.state, `RPO ${formatDuration(rpo.seconds)}: ${age}`),
    mark(rto.state, `RTO ${formatDuration(rto.seconds)}: ${restore}`),
    proof,
  ].join(', ');
}

const COLUMNS = [
  { heading: '  Action' },
  { heading: 'Target' },
  { heading: 'State' },
  { heading: 'Last good' },
  { heading: 'Next' },
  { heading: '' },
];

function renderActions(output: Output, heading: string, actions: ActionStatus[], at: string): void {
  output.line();
  output.line(heading);
  const rows = actions.map((action) => [
    `  ${action.kind}`,
    displayText(targetOfAction({ ...action, id: action.actionId })),
    markState(output.style, action.state),
    action.lastGood === undefined ? 'never' : ago(action.lastGood.finishedAt, at),
    action.nextAt === undefined ? '' : displayTime(action.nextAt),
    displayText(remark(action, at)),
  ]);
  for (const line of renderTable(COLUMNS, rows, output.columns)) output.line(line);
}

function markState(style: Style, state: ActionStatus['state']): string {
  if (state === 'good') return style.good(state);
  if (state === 'failed' || state === 'overdue') return style.bad(state);
  return state === 'attention' ? style.warning(state) : style.dim(state);
}

function remark(action: ActionStatus, at: string): string {
  if (action.suspended !== undefined) return silence(action.suspended);
  if (action.paused !== undefined) return silence(action.paused);
  if (action.overdueSince !== undefined) return `should have run ${displayTime(action.overdueSince)}`;
  if (action.state === 'failed') return action.last?.error?.message ?? '';
  const lag =
    action.pendingSince === undefined ? '' : `a change made ${ago(action.pendingSince, at)} is not in the copy`;
  if (action.state === 'attention')
    return `${count(action.last?.attention ?? 0, 'finding')}: holdfast runs${lag === '' ? '' : `; ${lag}`}`;
  if (action.kind === 'copy' && action.dataAt !== undefined)
    return `its newest snapshot was made ${ago(action.dataAt, at)}`;
  return lag;
}

/** `by alice@app-01 since 2026-11-23 02:00:11: moving the disk`. */
function silence({ by, since, until, reason }: Suspension | PauseSpan): string {
  return `by ${by} since ${displayTime(since)}${until === undefined ? '' : ` until ${until}`}: ${reason}`;
}

function ago(time: string, at: string): string {
  const seconds = Math.max(0, (Date.parse(at) - Date.parse(time)) / 1000);
  // Seconds tell nothing of yesterday.
  const rounded = seconds < 3600 ? seconds : seconds < 172_800 ? seconds - (seconds % 60) : seconds - (seconds % 3600);
  return `${formatDuration(rounded)} ago`;
}
