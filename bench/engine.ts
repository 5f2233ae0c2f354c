/** `npm run bench -- engine`: holdfast and its peers in turn on the same backups, restores and checks. */
import { mkdirSync } from 'node:fs';
import { loadavg } from 'node:os';
import { prepareCorpus } from './corpora.ts';
import { prepareEmptyRepository, type EmptyRepository } from './empty-repository.ts';
import { ENGINE_HELP, parseEngineOptions, type EngineOptions } from './engine-options.ts';
import { describeMachine, describePrograms, renderReport, type EngineReport } from './engine-report.ts';
import { findGnuTime } from './measure-process.ts';
import { findPrograms, type Program } from './programs.ts';
import { appendRound, digestSetting, readRounds, type RoundRecord } from './round-records.ts';
import { runRound } from './run-round.ts';
import { summarizeRounds, type Row } from './summarize-rounds.ts';
import { operationsOn, type CorpusName } from './workload.ts';

interface Benchmark {
  options: EngineOptions;
  programs: Program[];
  empty: EmptyRepository;
  gnuTime: string | undefined;
}

/** Progress goes to stderr, the report to stdout. */
export async function runEngineBenchmark(args: string[]): Promise<void> {
  try {
    const options = parseEngineOptions(args);
    process.stdout.write(options.help ? ENGINE_HELP : await benchmark(options));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function benchmark(options: EngineOptions): Promise<string> {
  mkdirSync(options.work, { recursive: true, mode: 0o700 });
  const programs = findPrograms(options.peers, options.programs);
  const empty = await prepareEmptyRepository(options.work, programs);
  const gnuTime = findGnuTime();
  const parts = options.corpora.map((corpus) => runCorpus({ options, programs, empty, gnuTime }, corpus));
  const report: EngineReport = {
    machine: describeMachine(),
    programs: describePrograms(programs, empty),
    scale: options.scale,
    gnuTime,
    rows: parts.flatMap((part) => part.rows),
    rounds: parts.flatMap((part) => part.rounds),
  };
  return options.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderReport(report);
}

function runCorpus({ options, ...with_ }: Benchmark, corpus: CorpusName): { rows: Row[]; rounds: RoundRecord[] } {
  const { work, scale } = options;
  const operations = operationsOn(corpus, options.operations);
  if (operations.length === 0) return { rows: [], rounds: [] };
  const { programs, empty } = with_;
  const folder = prepareCorpus(work, corpus, scale, say);
  const setting = digestSetting({ corpus, scale, operations, programs, scrypt: empty.scrypt, node: process.version });
  const rounds = readRounds(work, setting).filter((record) => record.round <= options.rounds);
  for (let round = 1; round <= options.rounds; round++) {
    if (rounds.some((record) => record.round === round)) continue;
    say(`${corpus}, round ${round} of ${options.rounds}`);
    const loadAverage = loadavg()[0] ?? Number.NaN;
    const measurements = runRound({ ...with_, work, corpus, folder, scale, operations, say }, round);
    const record = { setting, corpus, round, finished: new Date().toISOString(), loadAverage, measurements };
    appendRound(work, record);
    rounds.push(record);
  }
  const names = programs.map((program) => program.name);
  return { rows: summarizeRounds(corpus, operations, names, rounds), rounds };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
