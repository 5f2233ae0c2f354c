/** `holdfast simulate`: plays the policies for many days on virtual time, and says what comes of them. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import { hintOfNames } from '../common/suggest.ts';
import { formatBytes, parseSize } from '../common/sizes.ts';
import type { Action } from '../domain/action.ts';
import { parseGrowth, type GrowthModel } from '../domain/growth-model.ts';
import type { MeasuredRuns } from '../domain/measured-runs.ts';
import { simulate } from '../domain/simulate.ts';
import { parseAssertion } from '../domain/simulation-assertions.ts';
import { checkPolicies } from './check-policies.ts';
import { repeatable, type CliCommand, type CliContext } from './command.ts';
import { count } from './display.ts';
import { withEvidence } from './evidence-options.ts';
import { ExitStatus } from './exit-status.ts';
import { renderSimulation } from './simulation-report.ts';
import { PolicyError } from '../schemas/problem.ts';

interface Options {
  days: string;
  from?: string;
  policy: string[];
  assert: string[];
  runLength: string;
  size?: string;
  growth?: string;
  change?: string;
  measured?: boolean;
  html?: string;
}

const MAX_DAYS = 3660;
const DAY_MS = 86_400_000;
/** Records this old still say how long runs take. */
const MEASURED_DAYS = 90;

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Plays the policies on virtual time, from nothing: when runs begin, which are skipped, which snapshots stay and why, how old recoverable data gets, how much is stored, and when an objective is first missed. Needs no engine. Exit status 7 when an assertion is false.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--days <n>', 'how many days', '90')
      .option('--from <date>', 'the first day, in UTC (default: today)')
      .option('--policy <name>', 'only this policy; may be given again', repeatable, [])
      .option(
        '--assert <expression>',
        'fail unless it holds, such as "worstRpo < 2h"; may be given again',
        repeatable,
        [],
      )
      .option('--run-length <duration>', 'how long each run takes', '5m')
      .option('--size <size>', 'what a policy’s data takes at the beginning, as stored, such as 100GiB')
      .option('--growth <rate>', 'new data, which stays, such as 1%/d or 2GiB/d')
      .option('--change <rate>', 'data replaced, which only older snapshots hold then, such as 0.5%/d')
      .option('--measured', 'lengths of runs, sizes and growth from the run records of 90 days, where they have them')
      .option('--html <file>', 'write a page with charts');
  },

  async run(context, { args, options }) {
    const assertions = options.assert.map(parseAssertion);
    const from = firstDay(options.from, context.now());
    const days = numberOfDays(options.days);
    const actions = chooseActions(await compileActions(context, args[0] as string[]), options.policy);
    const assumed = assumedGrowth(options);
    const measured = options.measured === true ? await readMeasured(context, args[0] as string[]) : undefined;
    const growthOf = (policy: string): GrowthModel | undefined => measured?.growth.get(policy) ?? assumed;
    const simulation = simulate({
      actions,
      from,
      days,
      runSeconds: parseDuration(options.runLength),
      growth: growthOf,
      ...(measured === undefined
        ? {}
        : { measuredRunSeconds: measured.runSeconds, restoreSeconds: measured.restoreSeconds }),
    });
    const results = assertions.map((assertion) => assertion.check(simulation));
    if (options.html !== undefined) {
      const { renderSimulationPage } = await import('./simulation-page.ts');
      await writePage(resolve(context.directory, options.html), renderSimulationPage(simulation, results));
      context.output.note(`wrote ${options.html}`);
    }
    const { output } = context;
    if (context.json) output.json({ ...simulation, assertions: results });
    else for (const line of renderSimulation(simulation, results, output.style, output.columns)) output.line(line);
    if (!context.json && assumed !== undefined) output.note(growthNote(assumed, measured));
    return results.every(({ holds }) => holds) ? ExitStatus.done : ExitStatus.needsAttention;
  },
};

function firstDay(text: string | undefined, now: Date): Date {
  const shown = text ?? now.toISOString().slice(0, 10);
  const day = /^\d{4}-\d\d-\d\d$/.test(shown) ? new Date(`${shown}T00:00:00Z`) : new Date(Number.NaN);
  if (!Number.isNaN(day.getTime()) && day.toISOString().startsWith(shown)) return day;
  throw new HoldfastError('Usage', `"${shown}" is not a day`, { hint: 'write it as 2026-12-01' });
}

function numberOfDays(text: string): number {
  const days = /^\d{1,6}d?$/.test(text) ? Number.parseInt(text, 10) : 0;
  if (days >= 1 && days <= MAX_DAYS) return days;
  throw new HoldfastError('Usage', `"${text}" is not a number of days that can be simulated`, {
    hint: `give 1 to ${MAX_DAYS}`,
  });
}

/** What is not built yet does not run, and so does not take part. */
async function compileActions(context: CliContext, paths: string[]): Promise<Action[]> {
  const { compiled, problems, notBuilt } = await checkPolicies(context.directory, paths);
  if (compiled === undefined) throw new PolicyError('InvalidPolicy', problems);
  if (notBuilt.length > 0)
    context.output.warn(
      `${count(notBuilt.length, 'part')} of the policies cannot be carried out yet, and takes no part; holdfast validate names them`,
    );
  return compiled.actions;
}

/** Those of the policies, and the work on their repositories. */
function chooseActions(actions: Action[], names: string[]): Action[] {
  if (names.length === 0) return actions;
  const known = [...new Set(actions.flatMap(({ policy }) => policy ?? []))];
  for (const name of names) {
    if (known.includes(name)) continue;
    const hint = hintOfNames(name, known, 'policy');
    throw new HoldfastError('Usage', `no policy that runs anything is named "${name}"`, { hint });
  }
  const own = actions.filter(({ policy }) => policy !== undefined && names.includes(policy));
  const repositories = new Set(
    own.flatMap(({ settings }) =>
      settings.kind === 'backup' ? [settings.repository.name] : settings.kind === 'copy' ? [settings.to.name] : [],
    ),
  );
  const shared = actions.filter(
    ({ settings }) =>
      (settings.kind === 'prune' || settings.kind === 'check') && repositories.has(settings.repository.name),
  );
  return [...own, ...shared];
}

function assumedGrowth({ size, growth, change }: Options): GrowthModel | undefined {
  if (size === undefined) {
    const alone = growth === undefined ? (change === undefined ? undefined : '--change') : '--growth';
    if (alone === undefined) return undefined;
    throw new HoldfastError('Usage', `${alone} is given without --size`, { hint: 'add --size, such as --size 100GiB' });
  }
  const sizeBytes = parseSize(size);
  return {
    sizeBytes,
    growthBytesPerDay: growth === undefined ? 0 : parseGrowth(growth, sizeBytes),
    changedBytesPerDay: change === undefined ? 0 : parseGrowth(change, sizeBytes),
  };
}

async function readMeasured(context: CliContext, paths: string[]): Promise<MeasuredRuns> {
  const { measureRuns } = await import('../domain/measured-runs.ts');
  const since = new Date(context.now().getTime() - MEASURED_DAYS * DAY_MS);
  return withEvidence(context, paths, {}, (evidence) => measureRuns(evidence.readRuns({ from: since })));
}

function growthNote(
  { sizeBytes, growthBytesPerDay, changedBytesPerDay }: GrowthModel,
  measured: MeasuredRuns | undefined,
): string {
  const whose =
    measured === undefined || measured.growth.size === 0 ? 'each policy' : 'each policy that was not measured';
  return `storage: ${whose} begins with ${formatBytes(sizeBytes)}, grows by ${formatBytes(growthBytesPerDay)} and changes ${formatBytes(changedBytesPerDay)} a day, as stored`;
}

async function writePage(path: string, page: string): Promise<void> {
  try {
    await writeFile(path, page);
  } catch (error) {
    throw new HoldfastError('Usage', `the page cannot be written to ${path} (${(error as { code?: string }).code})`, {
      hint: 'name a file in a folder that exists and may be written to',
      cause: error,
    });
  }
}
