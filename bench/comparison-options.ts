/** What benchmarks beside other programs may all be told. */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseSave } from './report-document.ts';

export interface ComparisonOptions {
  work: string;
  rounds: number;
  scale: number;
  /** Undefined: all that are found. */
  programs: string[] | undefined;
  peers: { name: string; file: string }[];
  /** A path without the extension. */
  save: string | undefined;
  json: boolean;
  help: boolean;
}

/**
 * `words` are those of `--only` that name work; whatever else it names is a program. Throws an Error with one sentence
 * when the options make no sense.
 */
export function parseComparison(
  args: string[],
  defaults: { rounds: number; words: readonly string[] },
): ComparisonOptions & { words: string[] } {
  const { values } = parseArgs({
    args,
    options: {
      work: { type: 'string', default: path.join(tmpdir(), 'holdfast-bench') },
      rounds: { type: 'string', default: String(defaults.rounds) },
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
  const programs = values.only.filter((name) => !defaults.words.includes(name));
  return {
    work: path.resolve(values.work),
    rounds,
    scale,
    words: values.only.filter((name) => defaults.words.includes(name)),
    programs: programs.length > 0 ? programs : undefined,
    peers: values.peer.map(parsePeer),
    save: parseSave(values.save),
    json: values.json,
    help: values.help,
  };
}

/** Those that were named; all when none was. */
export function chosenOf<Name extends string>(all: readonly Name[], words: readonly string[]): Name[] {
  const chosen = all.filter((name) => words.includes(name));
  return chosen.length > 0 ? chosen : [...all];
}

/** Throws an Error with one sentence when it is not NAME=PATH. */
export function parsePeer(text: string): { name: string; file: string } {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new Error(`--peer ${text} is not NAME=PATH.`);
  return { name: text.slice(0, at), file: path.resolve(text.slice(at + 1)) };
}
