/** Policy folders with damage of every kind, for fuzzing: real policies and the samples of wrong ones, changed at random. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { readCases } from './read-cases.ts';

export interface DamagedFolder {
  /** By name below the policy folder. */
  files: Record<string, Uint8Array>;
  /** How many of them were changed. */
  damaged: number;
}

const read = (name: string): string => readFileSync(path.join(import.meta.dirname, name), 'utf8');
const DEMO = read('../../policies/demo.yaml');
const LANGUAGE = read('whole-language.txt');

/** Read by a conversion first. */
const OLDER = LANGUAGE.replaceAll('holdfast/v1', 'holdfast/v1beta1')
  .replaceAll('every:', 'interval:')
  .replaceAll(/backup:\n +- to: (\w+)\n +interval/g, (_, name) => `backup:\n    ${name}:\n      interval`);

/** One file for each document: their references go from file to file. */
const apart = (text: string): Record<string, string> =>
  Object.fromEntries(text.split(/^---\n/m).map((document, index) => [`${index}.yaml`, document]));

const WHOLE: Record<string, string>[] = [
  { 'a.yaml': DEMO },
  apart(DEMO),
  { 'a.yaml': LANGUAGE },
  apart(LANGUAGE),
  apart(OLDER),
];
const SAMPLES = readCases(path.join(import.meta.dirname, 'invalid-policies.txt')).map(({ files }) => files);
const LINES = [...WHOLE, ...SAMPLES].flatMap((files) => Object.values(files)).flatMap((text) => text.split('\n'));

const VALUES = [
  '',
  'null',
  '~',
  '-1',
  '0',
  '1e999',
  '0x10',
  '.nan',
  '-.inf',
  'true',
  'no',
  '[]',
  '{}',
  '[[]]',
  '{ a: 1 }',
  '""',
  '"\\x"',
  "'",
  '2026-02-30',
  '25:61',
  '1mo',
  '99999999999y',
  '0s',
  '-5m',
  '101%',
  '0B',
  '9999999TiB',
  '../../etc',
  '/',
  '*',
  '**',
  '"${key}"',
  '"${nothing}"',
  '"$${"',
  '__proto__',
  'constructor',
  'toString',
  'holdfast/v1beta1',
  'holdfast/v2',
  'any',
  'class',
  '"😀"',
  '"\\u0000"',
  '&a 1',
  '*a',
  '!x 1',
  '!!str',
  '!!binary aGk=',
  '!!set { a }',
  '|',
  '>-',
  '|9',
  '"0 0 31 2 *"',
  '"TZ=Mars/Phobos"',
  'Mars/Phobos',
  'x'.repeat(300),
];
const FRAGMENTS = [
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  '&a ',
  '*a',
  '!x ',
  '!!map ',
  '"',
  "'",
  '|\n',
  '>\n',
  '\t',
  '\n',
  '---\n',
  '...\n',
  '#',
  '%YAML 1.1\n',
  '%TAG ! a:b\n',
  '? ',
  '<<: *a\n',
  ', ',
  '\0',
  '\r',
  '\u2028',
  '\u202e',
  '\ufeff',
  '\u0085',
  '\u001b[31m',
  '😀',
  '\ud800',
  '__proto__: 1',
  'constructor: x',
  '[[[[[[[[',
  '{{{{{{{{',
  '- - - - ',
  '? ? ? ',
];

type Lines = string[];
interface Edit {
  file: number;
  at: number;
  other: number;
  size: number;
  text: string;
  value: string;
}

/** A line with another indentation, key or value; what is no `key: value` stays. */
const withKey = (line: string, key: string): string =>
  line.replace(/^(\s*(?:- )?)[^\s:#]+(?=:)/, (_, indent) => indent + key);
const withValue = (line: string, value: string): string => line.replace(/(:) .*$|:$/, () => `: ${value}`);
const keyOf = (line: string): string => /([^\s:#{[]+):/.exec(line)?.[1] ?? 'x';
const valueOf = (line: string): string => /: (.*)$/.exec(line)?.[1] ?? '1';
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;
const change = (lines: Lines, at: number, by: (line: string) => string): Lines => lines.with(at, by(lines[at]!));

/** Each changes the lines of one file; `at` is one of them. */
const EDITS: ((lines: Lines, at: number, edit: Edit) => Lines)[] = [
  // Characters: inserted, replaced, cut out.
  (lines, at, { other, size, text }) =>
    change(
      lines,
      at,
      (line) => line.slice(0, other % (line.length + 1)) + text + line.slice((other % (line.length + 1)) + size),
    ),
  (lines, at, { other, text }) =>
    change(
      lines,
      at,
      (line) => line.slice(0, other % (line.length + 1)) + text + line.slice(other % (line.length + 1)),
    ),
  (lines, at, { other }) => [...lines.slice(0, at), lines[at]!.slice(0, other % (lines[at]!.length + 1))],
  // Lines: twice, gone, elsewhere, further in or out, from another file.
  (lines, at, { size }) => lines.toSpliced(at, 0, ...lines.slice(at, at + 1 + (size % 8))),
  (lines, at, { size }) => lines.toSpliced(at, 1 + (size % 8)),
  (lines, at, { other }) => lines.with(at, pick(lines, other)).with(other % lines.length, lines[at]!),
  (lines, at, { size }) => change(lines, at, (line) => ' '.repeat(size % 9) + line.trimStart()),
  (lines, at, { other, size }) =>
    lines.map((line, index) =>
      index < at || index > at + (size % 12) ? line : other % 2 === 0 ? `  ${line}` : line.replace(/^ {1,2}/, ''),
    ),
  (lines, at, { other, size }) =>
    lines.toSpliced(at, 0, ...LINES.slice(other % LINES.length, (other % LINES.length) + 1 + (size % 20))),
  (lines, at, { other }) => [...lines.slice(0, at), ...LINES.slice(other % LINES.length, (other % LINES.length) + 60)],
  // Keys and values: of other lines, and what no key wants.
  (lines, at, { other }) => change(lines, at, (line) => withKey(line, keyOf(pick(LINES, other)))),
  (lines, at, { other }) => change(lines, at, (line) => withValue(line, valueOf(pick(LINES, other)))),
  (lines, at, { value }) => change(lines, at, (line) => withValue(line, value)),
  (lines, at, { value }) => change(lines, at, (line) => line.replace(/[^\s,:{}[\]]+(?=[\s,}\]]*$)/, () => value)),
  (lines, at, { other, size }) => {
    const letters = lines[at]!;
    const from = other % (letters.length + 1);
    return lines.with(
      at,
      letters.slice(0, from) +
        [...letters.slice(from, from + 2 + (size % 3))].reverse().join('') +
        letters.slice(from + 2 + (size % 3)),
    );
  },
  // Of YAML: anchors and aliases, tags, merge keys, blocks of text, documents.
  (lines, at, { other, size }) =>
    change(
      change(lines, at, (line) => withValue(line, `&n${size % 3} ${valueOf(line)}`)),
      other % lines.length,
      (line) => withValue(line, `*n${size % 3}`),
    ),
  (lines, at, { text, size }) =>
    change(
      lines,
      at,
      (line) =>
        line.replace(/^(\s*)/, `$1${pick(['? ', '<<: *n0\n$1', '!!map ', '&n0 ', '*n0 : ', '- '], size)}`) + text,
    ),
  (lines, at, { size }) =>
    change(lines, at, (line) =>
      withValue(line, `${pick(['|', '>', '|-', '|2', '>+'], size)}\n${' '.repeat(size % 12)}${valueOf(line)}`),
    ),
  (lines, at, { size }) =>
    lines.toSpliced(at, 0, pick(['---', '...', '--- !x', '--- |', '%YAML 1.2', '# x', '--- {}', '---\n---'], size)),
  // Of the file.
  (lines, at, { size }) =>
    size % 3 === 0
      ? [`\ufeff${lines[0]}`, ...lines.slice(1)]
      : lines.map((line, index) => (size % 3 === 1 || index === at ? `${line}\r` : line)),
];

const edit = fc.record({
  kind: fc.nat(EDITS.length - 1),
  file: fc.nat(20),
  at: fc.nat(10_000),
  other: fc.nat(100_000),
  size: fc.nat(40),
  text: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...FRAGMENTS) },
    { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) },
  ),
  value: fc.constantFrom(...VALUES),
});

/** A bit of a file, turned over. */
const flip = fc.record({ file: fc.nat(20), at: fc.nat(100_000), bit: fc.nat(7) });

export const damagedFolder: fc.Arbitrary<DamagedFolder> = fc
  .record({
    base: fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(...WHOLE) },
      { weight: 3, arbitrary: fc.constantFrom(...SAMPLES) },
    ),
    edits: fc.array(edit, { minLength: 1, maxLength: 6 }),
    flips: fc.oneof(
      { weight: 9, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(flip, { minLength: 1, maxLength: 3 }) },
    ),
  })
  .map(({ base, edits, flips }) => {
    const names = Object.keys(base).filter((name) => name.endsWith('.yaml'));
    const texts: Record<string, string> = { ...base };
    const touched = new Set<string>();
    for (const { kind, ...given } of edits) {
      const name = pick(names, given.file);
      const lines = texts[name]!.split('\n');
      texts[name] = EDITS[kind]!(lines, given.at % lines.length, given).join('\n');
      touched.add(name);
    }
    const files = Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]),
    );
    for (const { file, at, bit } of flips) {
      const name = pick(names, file);
      const bytes = files[name]!;
      if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << bit;
      touched.add(name);
    }
    return { files, damaged: touched.size };
  });
