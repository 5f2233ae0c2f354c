/** `npm run bench -- profile`: where holdfast's time goes, operation by operation, by V8's sampling profiler. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { prepareCorpus } from './corpora.ts';
import { profilingOptions, readCpuProfiles } from './cpu-profile.ts';
import { prepareEmptyRepository } from './empty-repository.ts';
import { findGnuTime, type Command } from './measure-process.ts';
import { renderProfile, summarizeProfiles, type OperationProfile } from './profile-report.ts';
import { findPrograms, HOLDFAST } from './programs.ts';
import { say } from './run-benchmark.ts';
import { runRound } from './run-round.ts';
import { CORPORA, OPERATIONS, operationsOn, type CorpusName, type Operation } from './workload.ts';

const HELP = `npm run bench -- profile [options]

Runs holdfast once on each piece of work under V8's profiler and prints in which groups of code, and in which functions,
its threads spent their time. Threads of libuv (scrypt, asynchronous file calls) are not seen by it.

  --work DIR      where corpora are kept (default: holdfast-bench in the folder for temporary files)
  --scale X       the size of the corpora, more than 0 and at most 1 (default 0.2)
  --only NAME     only this corpus (${CORPORA.join(', ')}) or operation (${OPERATIONS.join(', ')}); may be given again
  --functions N   how many functions are named (default 20)
  --keep DIR      keep the profiles, for a viewer such as Chrome's, in DIR/CORPUS-OPERATION
  --json          one JSON document instead of tables
  --help          this text
`;

interface ProfileOptions {
  work: string;
  scale: number;
  corpora: CorpusName[];
  operations: Operation[];
  functionCount: number;
  keep: string | undefined;
  json: boolean;
  help: boolean;
}

/** Progress goes to stderr, the report to stdout. */
export async function runProfile(args: string[]): Promise<void> {
  try {
    const options = parseOptions(args);
    process.stdout.write(options.help ? HELP : await profile(options));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function parseOptions(args: string[]): ProfileOptions {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', default: path.join(tmpdir(), 'holdfast-bench') },
      scale: { type: 'string', default: '0.2' },
      only: { type: 'string', multiple: true, default: [] },
      functions: { type: 'string', default: '20' },
      keep: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const scale = Number(values.scale);
  const functionCount = Number(values.functions);
  if (!(scale > 0 && scale <= 1)) throw new Error(`--scale ${values.scale} is not more than 0 and at most 1.`);
  if (!Number.isInteger(functionCount)) throw new Error(`--functions ${values.functions} is not a number.`);
  const corpora = CORPORA.filter((name) => values.only.includes(name));
  const operations = OPERATIONS.filter((name) => values.only.includes(name));
  const unknown = values.only.find((name) => !([...corpora, ...operations] as string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown} is no corpus and no operation.`);
  return {
    work: path.resolve(values.work),
    scale,
    corpora: corpora.length > 0 ? corpora : [...CORPORA],
    operations: operations.length > 0 ? operations : [...OPERATIONS],
    functionCount,
    keep: values.keep === undefined ? undefined : path.resolve(values.keep),
    json: values.json,
    help: values.help,
  };
}

async function profile(options: ProfileOptions): Promise<string> {
  mkdirSync(options.work, { recursive: true, mode: 0o700 });
  const programs = findPrograms([], [HOLDFAST]);
  const empty = await prepareEmptyRepository(options.work, programs);
  const kept = options.keep ?? mkdtempSync(path.join(tmpdir(), 'holdfast-profile-'));
  try {
    const profiles = options.corpora.flatMap((corpus): OperationProfile[] => {
      const operations = operationsOn(corpus, options.operations);
      if (operations.length === 0) return [];
      const { work, scale } = options;
      const folder = prepareCorpus(work, corpus, scale, say);
      const folderOf = (operation: string): string => path.join(kept, `${corpus}-${operation}`);
      const instrument = (operation: Operation, command: Command): Command => {
        rmSync(folderOf(operation), { recursive: true, force: true });
        return { ...command, args: [...profilingOptions(folderOf(operation)), ...command.args] };
      };
      const task = {
        work,
        corpus,
        folder,
        scale,
        operations,
        programs,
        empty,
        gnuTime: findGnuTime(),
        say,
        instrument,
      };
      return runRound(task, 1).map((measurement) =>
        summarizeProfiles(corpus, measurement, readCpuProfiles(folderOf(measurement.operation)), options.functionCount),
      );
    });
    return options.json ? `${JSON.stringify(profiles, undefined, 2)}\n` : profiles.map(renderProfile).join('\n');
  } finally {
    if (options.keep === undefined) rmSync(kept, { recursive: true, force: true });
  }
}
