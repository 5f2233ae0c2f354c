/** Problems in policy files: what is wrong, exactly where, and what to do; and how they are shown. */
import { HoldfastError } from '../common/errors.ts';

/** A stretch of one line of a policy file. */
export interface Mark {
  /** As shown: relative to the current folder when below it. */
  file: string;
  /** Counted from 1. */
  line: number;
  /** In characters (UTF-16 code units), counted from 1. */
  column: number;
  /** Characters marked, at least 1. */
  length: number;
  /** The whole line. */
  sourceLine: string;
  /** In the template of a PolicySet: which of its policies this is about, and how many it makes. */
  template?: { policies: string[]; total: number };
}

export interface Problem extends Mark {
  severity: 'error' | 'warning';
  /** Stable, for programs: `unknown-key`, `not-built`, `rpo-too-short`. */
  code: string;
  /** One sentence. */
  message: string;
  /** What to do. */
  hint?: string;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

/** Told of one file. */
const MOST_PROBLEMS = 100;

/** Where and how a line too long to read is cut: around the mark. */
const LONGEST_LINE = 160;

/**
 * A problem as people read it:
 *
 *     policies/orders.yaml:14:7  unknown key "evry"
 *        14 |       evry: 15m
 *           |       ^^^^ did you mean "every"?
 */
export function renderProblem(problem: Problem): string {
  const { text, start, length } = visiblePart(problem);
  const number = String(problem.line).padStart(5);
  const gutter = ' '.repeat(number.length);
  const indent = text.slice(0, start).replace(/[^\t]/g, ' ');
  const severity = problem.severity === 'warning' ? 'warning: ' : '';
  return [
    `${problem.file}:${problem.line}:${problem.column}  ${severity}${problem.message}`,
    `${number} | ${text}`.trimEnd(),
    `${gutter} | ${indent}${'^'.repeat(length)}${problem.hint === undefined ? '' : ` ${problem.hint}`}`,
  ].join('\n');
}

function visiblePart(mark: Mark): { text: string; start: number; length: number } {
  const start = mark.column - 1;
  const line = mark.sourceLine;
  const from = line.length <= LONGEST_LINE ? 0 : Math.max(0, Math.min(start - 40, line.length - LONGEST_LINE));
  const text = withoutControls(line.slice(from, from + LONGEST_LINE), '\t');
  return { text, start: start - from, length: Math.max(1, Math.min(mark.length, text.length - (start - from))) };
}

/** A control character in a policy file must not reach the terminal, nor one that is invisible or turns the text round. */
export function withoutControls(text: string, except = ''): string {
  return text.replace(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (character) =>
    character === except ? character : '\ufffd',
  );
}

/** All problems, one below the other, with a blank line between. */
export function renderProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => renderProblem(problem)).join('\n\n');
}

/** Thrown when policies cannot be used; the message shows every problem with its place. */
export class PolicyError extends HoldfastError {
  readonly problems: readonly Problem[];

  constructor(code: 'InvalidPolicy' | 'NotBuilt', problems: readonly Problem[]) {
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    const files = new Set(problems.map(({ file }) => file)).size;
    super(code, renderProblems(problems), {
      hint: `${errors} ${errors === 1 ? 'error' : 'errors'} in ${files} ${files === 1 ? 'file' : 'files'}; nothing was applied`,
      context: { errors, files },
    });
    this.name = 'PolicyError';
    this.problems = problems;
  }
}

/** In the order of the files, then from top to bottom; each problem once, and no more of a file than a person reads. */
export function sortProblems(problems: readonly Problem[], files: readonly string[]): Problem[] {
  const order = new Map(files.map((file, index) => [file, index]));
  const sorted = problems.toSorted((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || byPlace(a, b));
  return [...Map.groupBy(mergeAlike(sorted), ({ file }) => file).values()].flatMap(firstOf).map(inOneLine);
}

/** What a sentence quotes of a file may hold anything. */
function inOneLine({ message, hint, ...problem }: Problem): Problem {
  return {
    ...problem,
    message: withoutControls(message),
    ...(hint === undefined ? {} : { hint: withoutControls(hint) }),
  };
}

/** A file that is something else altogether is told by its beginning. What many policies of a set share is told once. */
export function firstOf(problems: readonly Problem[]): readonly Problem[] {
  const places = new Set<string>();
  for (const [index, problem] of problems.entries()) {
    places.add(`${problem.line}:${problem.column}:${problem.message}`);
    if (places.size <= MOST_PROBLEMS) continue;
    const severity = hasErrors(problems) ? 'error' : problem.severity;
    const message = 'there are more problems from here on';
    return [
      ...problems.slice(0, index),
      { ...problem, severity, message, code: 'more', hint: 'correct those above first' },
    ];
  }
  return problems;
}

/** Each problem once; of a template, with the policies that have it when it is not all that the template makes. */
export function mergeAlike(problems: readonly Problem[]): Problem[] {
  const merged = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.file}:${problem.line}:${problem.column}:${problem.message}`;
    const known = merged.get(key)?.template;
    if (known !== undefined && problem.template !== undefined) known.policies.push(...problem.template.policies);
    if (merged.has(key)) continue;
    const { template } = problem;
    merged.set(key, template === undefined ? problem : { ...problem, template: structuredClone(template) });
  }
  return [...merged.values()].map(({ template, ...problem }) => ({
    ...problem,
    message: `${problem.message}${template === undefined ? '' : nameSome(template)}`,
  }));
}

function nameSome({ policies, total }: NonNullable<Mark['template']>): string {
  const [first, ...others] = new Set(policies);
  if (others.length + 1 >= total) return '';
  return others.length === 0 ? ` (in ${first})` : ` (in ${first} and ${others.length} more of ${total} policies)`;
}

/** Orders the problems of one file. */
export function byPlace(a: Mark, b: Mark): number {
  return a.line - b.line || a.column - b.column;
}
