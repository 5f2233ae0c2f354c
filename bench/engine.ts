/** `npm run bench -- engine`: holdfast and its peers in turn on the same backups, restores and checks. */
import { mkdirSync } from 'node:fs';
import { prepareCorpus } from './corpora.ts';
import { prepareEmptyRepository, type EmptyRepository } from './empty-repository.ts';
import { ENGINE_HELP, parseEngineOptions, type EngineOptions } from './engine-options.ts';
import { describePrograms, documentEngine, type EngineReport } from './engine-report.ts';
import { prepareMachine } from './machine.ts';
import { findGnuTime } from './measure-process.ts';
import { findPrograms, type Program } from './programs.ts';
import { findOrRunRound } from './resume-round.ts';
import type { RoundRecord } from './round-records.ts';
import { removeAside } from './set-aside.ts';
import { summarizeRounds, type Row } from './summarize-rounds.ts';
import { isMissed, judgeRows } from './targets.ts';
import { operationsOn, type CorpusName } from './workload.ts';
import { runBenchmark, say } from './run-benchmark.ts';

interface Benchmark {
  options: EngineOptions;
  programs: Program[];
  empty: EmptyRepository;
  gnuTime: string | undefined;
}

export function runEngineBenchmark(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: ENGINE_HELP,
    parse: parseEngineOptions,
    measure: benchmark,
    document: documentEngine,
    isMissed: ({ verdicts }) => verdicts.some((verdict) => verdict.level === 'must' && isMissed(verdict)),
  });
}

async function benchmark(options: EngineOptions): Promise<EngineReport> {
  const { work, scale } = options;
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const machine = prepareMachine(work);
  const programs = findPrograms(options.peers, options.programs);
  const empty = await prepareEmptyRepository(work, programs);
  const gnuTime = findGnuTime();
  try {
    const parts = options.corpora.map((corpus) => runCorpus({ options, programs, empty, gnuTime }, corpus));
    const rows = parts.flatMap((part) => part.rows);
    const rounds = parts.flatMap((part) => part.rounds);
    return {
      finished: rounds
        .map((round) => round.finished)
        .toSorted()
        .at(-1),
      machine,
      programs: describePrograms(programs, empty),
      scale,
      hasGnuTime: gnuTime !== undefined,
      rows,
      verdicts: judgeRows(rows, programs),
      rounds,
    };
  } finally {
    removeAside(work);
  }
}

function runCorpus({ options, ...with_ }: Benchmark, corpus: CorpusName): { rows: Row[]; rounds: RoundRecord[] } {
  const { work, scale } = options;
  const operations = operationsOn(corpus, options.operations);
  if (operations.length === 0) return { rows: [], rounds: [] };
  const folder = prepareCorpus(work, corpus, scale, say);
  const task = { ...with_, work, corpus, folder, scale, operations, say };
  const rounds: RoundRecord[] = [];
  for (let round = 1; round <= options.rounds; round++) rounds.push(findOrRunRound(task, round, options.rounds));
  const names = with_.programs.map((program) => program.name);
  return { rows: summarizeRounds(corpus, operations, names, rounds), rounds };
}
