/** What `npm run bench -- engine` may be told. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseSave } from './report-document.ts';
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

export interface EngineOptions {
  work: string;
  rounds: number;
  scale: number;
  corpora: CorpusName[];
  operations: Operation[];
  /** Undefined: all that are found. */
  programs: string[] | undefined;
  peers: { name: string; file: string }[];
  /** A path without the extension. */
  save: string | undefined;
  json: boolean;
  help: boolean;
}

/** Throws an Error with one sentence when the options make no sense. */
export function parseEngineOptions(args: string[]): EngineOptions {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', default: path.join(tmpdir(), 'holdfast-bench') },
      rounds: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      peer: { type: 'string', multiple: true, default: [] },
      save: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const scale = Number(values.scale);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds} is not a number of rounds.`);
  if (!(scale > 0 && scale <= 1)) throw new Error(`--scale ${values.scale} is not more than 0 and at most 1.`);
  const corpora = CORPORA.filter((name) => values.only.includes(name));
  const operations = OPERATIONS.filter((name) => values.only.includes(name));
  const programs = values.only.filter((name) => ![...corpora, ...operations].includes(name as CorpusName | Operation));
  return {
    work: path.resolve(values.work),
    rounds,
    scale,
    corpora: corpora.length > 0 ? corpora : [...CORPORA],
    operations: operations.length > 0 ? operations : [...OPERATIONS],
    programs: programs.length > 0 ? programs : undefined,
    peers: values.peer.map(parsePeer),
    save: parseSave(values.save),
    json: values.json,
    help: values.help,
  };
}

/** Throws an Error with one sentence when it is not NAME=PATH. */
export function parsePeer(text: string): { name: string; file: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new Error(`--peer ${text} is not NAME=PATH.`);
  return { name: text.slice(0, at), file: path.resolve(text.slice(at + 1)) };
}
