/** `npm run bench -- sync`: local syncs beside rclone, and of up to a million files to see that memory stays bounded. */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { prepareCorpus } from './corpora.ts';
import { prepareMachine } from './machine.ts';
import { manyFilesName, prepareManyFiles } from './many-files.ts';
import { findGnuTime } from './measure-process.ts';
import { parseSave } from './report-document.ts';
import type { RoundRecord } from './round-records.ts';
import { removeAside } from './set-aside.ts';
import { summarizeRounds, type Row } from './summarize-rounds.ts';
import { findSyncPrograms } from './sync-programs.ts';
import { documentSyncs, judgeSyncs, type SyncReport } from './sync-report.ts';
import { findOrRunSyncRound, SYNC_OPERATIONS, type SyncTask } from './sync-round.ts';
import { runBenchmark, say } from './run-benchmark.ts';
import { isMissed } from './targets.ts';

const HELP = `npm run bench -- sync [options]

Copies the corpus tree (the machine's /usr/share) into a fresh folder by holdfast, rclone and cp in turn, then again with
nothing changed; then, once each, many small files by holdfast, which all find unchanged. Prints wall seconds, CPU seconds
and peak memory, and what has to be reached. Exit status 1: something that must be reached was not.

  --work DIR    where corpora and finished rounds are kept (default: holdfast-bench in the folder for temporary files).
                A million files need 2,020,000 inodes there, and 10 GiB
  --rounds N    rounds of the tree (default 3); finished ones of the same setting are not run again
  --files N     a number of many files; may be given again; 0: none (default 100000 and 1000000)
  --save NAME   write the report to NAME.md and NAME.json, to be committed
  --json        one JSON document instead of tables
  --help        this text
`;

interface SyncOptions {
  work: string;
  rounds: number;
  counts: number[];
  save: string | undefined;
  json: boolean;
  help: boolean;
}

export function runSyncBenchmark(args: string[]): Promise<void> {
  return runBenchmark(args, {
    help: HELP,
    parse: parseOptions,
    measure: measureSyncs,
    document: documentSyncs,
    isMissed: ({ verdicts }) => verdicts.some((verdict) => verdict.level === 'must' && isMissed(verdict)),
  });
}

function parseOptions(args: string[]): SyncOptions {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', default: path.join(tmpdir(), 'holdfast-bench') },
      rounds: { type: 'string', default: '3' },
      files: { type: 'string', multiple: true, default: ['100000', '1000000'] },
      save: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is not a number of rounds.`);
  const wrong = values.files.find((text) => !Number.isInteger(Number(text)) || Number(text) < 0);
  if (wrong !== undefined) throw new Error(`--files ${wrong} is not a number of files.`);
  const counts = values.files.map(Number).filter((count) => count > 0);
  return {
    work: path.resolve(values.work),
    rounds,
    counts: [...new Set(counts)].toSorted((a, b) => a - b),
    save: parseSave(values.save),
    json: values.json,
    help: values.help,
  };
}

function measureSyncs({ work, rounds, counts }: SyncOptions): SyncReport {
  mkdirSync(work, { recursive: true, mode: 0o700 });
  const machine = prepareMachine(work);
  const programs = findSyncPrograms(work);
  const gnuTime = findGnuTime();
  const shared = { work, programs, gnuTime, say };
  try {
    const tree = { ...shared, corpus: 'tree', source: prepareCorpus(work, 'tree', 1, say), oneCopy: false };
    const parts = [runRounds(tree, rounds)];
    for (const count of counts) {
      const source = prepareManyFiles(work, count, say);
      parts.push(runRounds({ ...shared, corpus: manyFilesName(count), source, oneCopy: true }, 1));
    }
    const rows = parts.flatMap((part) => part.rows);
    return {
      machine,
      programs: programs.map(({ name, version, told }) => ({ name, version, told })),
      hasGnuTime: gnuTime !== undefined,
      rows,
      verdicts: judgeSyncs(rows),
      rounds: parts.flatMap((part) => part.records),
    };
  } finally {
    removeAside(work);
  }
}

function runRounds(task: SyncTask, rounds: number): { rows: Row[]; records: RoundRecord[] } {
  const records: RoundRecord[] = [];
  for (let round = 1; round <= rounds; round++) records.push(findOrRunSyncRound(task, round, rounds));
  const names = task.programs.map(({ name }) => name);
  return { rows: summarizeRounds(task.corpus, [...SYNC_OPERATIONS], names, records), records };
}
