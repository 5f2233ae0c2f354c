/** `npm run bench -- scaling`: backups of ever more small files, to see that time grows linearly and memory stays bounded. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { prepareEmptyRepository } from './empty-repository.ts';
import { parsePeer } from './comparison-options.ts';
import { describePrograms } from './engine-report.ts';
import { prepareMachine } from './machine.ts';
import { manyFilesName, prepareManyFiles } from './many-files.ts';
import { findGnuTime } from './measure-process.ts';
import { findPrograms, HOLDFAST } from './programs.ts';
import { parseSave } from './report-document.ts';
import { findOrRunRound } from './resume-round.ts';
import type { RoundRecord } from './round-records.ts';
import { documentScaling, judgeScaling, sizeRows, type ScalingReport } from './scaling-report.ts';
import { removeAside } from './set-aside.ts';
import { summarizeRounds } from './summarize-rounds.ts';
import type { Operation } from './workload.ts';
import { runBenchmark, say } from './run-benchmark.ts';
import { isMissed } from './targets.ts';

const OPERATIONS: Operation[] = ['backup', 'again'];

const HELP = `npm run bench -- scaling [options]

Backs up ever more small files, each corpus twice (the second time nothing has changed), and prints what that took, in all
and for each file; then whether a million files stay below the bound of memory and whether time grows linearly. Exit
status 1: something that must be reached was not.

  --work DIR           where corpora and finished rounds are kept (default: holdfast-bench in the folder for temporary
                       files). A million files need 1,010,000 inodes there, and 5 GiB
  --files N            a number of files; may be given again (default 10000, 100000 and 1000000)
  --rounds N           rounds of each size (default 3); finished ones of the same setting are not run again
  --peer NAME[=PATH]   a program to compare with, such as restic, or restic-0.19 with its path; may be given again
  --save NAME          write the report to NAME.md and NAME.json, to be committed
  --json               one JSON document instead of tables
  --help               this text
`;

interface ScalingOptions {
  work: string;
  counts: number[];
  rounds: number;
  peers: { name: string; file: string }[];
  /** All that take part. */
  names: string[];
  save: string | undefined;
  json: boolean;
  help: boolean;
}

export function runScaling(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: HELP,
    parse: parseOptions,
    measure: measureScaling,
    document: documentScaling,
    isMissed: ({ verdicts }) => verdicts.some((verdict) => verdict.level === 'must' && isMissed(verdict)),
  });
}

function parseOptions(args: string[]): ScalingOptions {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', default: path.join(tmpdir(), 'holdfast-bench') },
      files: { type: 'string', multiple: true, default: ['10000', '100000', '1000000'] },
      rounds: { type: 'string', default: '3' },
      peer: { type: 'string', multiple: true, default: [] },
      save: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const counts = values.files.map(Number).toSorted((a, b) => a - b);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is not a number of rounds.`);
  const wrong = values.files.find((text) => !Number.isInteger(Number(text)) || Number(text) < 1);
  if (wrong !== undefined) throw new Error(`--files ${wrong} is not a number of files.`);
  return {
    work: path.resolve(values.work),
    counts: [...new Set(counts)],
    rounds,
    peers: values.peer.filter((text) => text.includes('=')).map(parsePeer),
    names: [HOLDFAST, ...values.peer.map((text) => text.split('=')[0] ?? text)],
    save: parseSave(values.save),
    json: values.json,
    help: values.help,
  };
}

async function measureScaling({ work, counts, rounds, peers, names }: ScalingOptions): Promise<ScalingReport> {
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const machine = prepareMachine(work);
  const programs = findPrograms(peers, names);
  const empty = await prepareEmptyRepository(work, programs);
  const shared = { work, scale: 1, operations: OPERATIONS, programs, empty, gnuTime: findGnuTime(), say };
  const tasks = counts.map((files) => {
    const task = { ...shared, corpus: manyFilesName(files), folder: prepareManyFiles(work, files, say) };
    return { files, task, records: [] as RoundRecord[] };
  });
  try {
    // All sizes within each round: what else the machine does falls on all alike.
    for (let round = 1; round <= rounds; round++) {
      for (const { task, records } of tasks) records.push(findOrRunRound(task, round, rounds));
    }
  } finally {
    removeAside(work);
  }
  const sizes = sizeRows(
    tasks.map(({ files, task, records }) => ({
      files,
      rows: summarizeRounds(
        task.corpus,
        OPERATIONS,
        programs.map((program) => program.name),
        records,
      ),
    })),
  );
  return {
    machine,
    programs: describePrograms(programs, empty),
    sizes,
    verdicts: judgeScaling(sizes),
    rounds: tasks.flatMap(({ records }) => records),
  };
}
