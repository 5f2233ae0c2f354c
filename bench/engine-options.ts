/** What `npm run bench -- engine` may be told. */
import { chosenOf, parseComparison, type ComparisonOptions } from './comparison-options.ts';
import { CORPORA, OPERATIONS, type CorpusName, type Operation } from './workload.ts';

export const ENGINE_HELP = `npm run bench -- engine [options]

Runs holdfast and every peer on this machine in turn on the same work; prints wall seconds, CPU seconds and peak
memory (medians of the rounds) and holdfast's ratio to each peer, taken round by round; then what has to be reached, and whether it was. Exit status 1: something that must be reached was not.

  --work DIR        where corpora, repositories and finished rounds are kept (default: holdfast-bench in the
                    folder for temporary files)
  --rounds N        rounds of each piece of work (default 5); finished ones of the same setting are not run again
  --scale X         the size of the corpora, more than 0 and at most 1 (default 1: about 6 GiB; 0.1 for a quick run)
  --only NAME       only this corpus (${CORPORA.join(', ')}), operation (${OPERATIONS.join(', ')}) or
                    program (may be given again). holdfast always runs, and so does the first backup
  --peer NAME=PATH  one more program; NAME begins with what it is: restic-0.19, rustic, kopia, borg, or holdfast-old
                    with the path of another checkout's cli/holdfast.js (may be given again)
  --save NAME       write the report to NAME.md and NAME.json, to be committed: no path and no name of the machine is in it
  --json            one JSON document instead of the table
  --help            this text
`;

export interface EngineOptions extends ComparisonOptions {
  corpora: CorpusName[];
  operations: Operation[];
}

/** Throws an Error with one sentence when the options make no sense. */
export function parseEngineOptions(args: string[]): EngineOptions {
  const { words, ...options } = parseComparison(args, { rounds: 5, words: [...CORPORA, ...OPERATIONS] });
  return { ...options, corpora: chosenOf(CORPORA, words), operations: chosenOf(OPERATIONS, words) };
}
