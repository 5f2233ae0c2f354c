/** Assertions about a simulation: `worstRpo < 2h`, `storage(offsite) <= 1TiB and overlaps == 0`. */
import { formatDuration, parseDuration } from '../common/durations.ts';
import { HoldfastError } from '../common/errors.ts';
import { formatBytes, parseSize } from '../common/sizes.ts';
import { hintOfNames, suggest } from '../common/suggest.ts';
import { MEASURES, type Measure, type MeasureUnit, type Selection } from './simulation-measures.ts';
import type { Simulation } from './simulation.ts';

export interface AssertionResult {
  text: string;
  holds: boolean;
  /** What was compared, as it is: `worstRpo is 1h5m`. */
  found: string[];
}

export interface Assertion {
  text: string;
  /** Throws Usage for a name that the simulation does not have, or a measure that it cannot say. */
  check(simulation: Simulation): AssertionResult;
}

type Test = (simulation: Simulation, found: string[]) => boolean;

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};
const TOKEN = /\s*(<=|>=|==|!=|[<>()]|[A-Za-z][\w-]*|\d[\w.%]*|\S)/y;
const HINT = 'write it like worstRpo < 2h, or storage(offsite) <= 1TiB and overlaps == 0';
const MAX_LENGTH = 1000;

/** Comparisons of measures, joined by `and`, `or`, `not` and parentheses; `and` binds more closely. Throws Usage. */
export function parseAssertion(text: string): Assertion {
  const test = new Parser(text).parse();
  return {
    text,
    check: (simulation) => {
      const found: string[] = [];
      return { text, holds: test(simulation, found), found: [...new Set(found)] };
    },
  };
}

class Parser {
  readonly #text: string;
  readonly #tokens: { word: string; at: number }[] = [];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.length > MAX_LENGTH) throw new HoldfastError('Usage', 'the assertion is too long', { hint: HINT });
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text))
      this.#tokens.push({ word: match[1]!, at: TOKEN.lastIndex - match[1]!.length });
  }

  parse(): Test {
    const test = this.#alternatives();
    if (this.#peek() !== undefined) throw this.#problem(`"${this.#peek()}" is not expected here`);
    return test;
  }

  #alternatives(): Test {
    let test = this.#conjunction();
    while (this.#take('or')) {
      const [left, right] = [test, this.#conjunction()];
      // Both sides are told, whatever the first says.
      test = (...given) => [left(...given), right(...given)].includes(true);
    }
    return test;
  }

  #conjunction(): Test {
    let test = this.#term();
    while (this.#take('and')) {
      const [left, right] = [test, this.#term()];
      test = (...given) => ![left(...given), right(...given)].includes(false);
    }
    return test;
  }

  #term(): Test {
    if (this.#take('not')) {
      const term = this.#term();
      return (...given) => !term(...given);
    }
    if (!this.#take('(')) return this.#comparison();
    const test = this.#alternatives();
    if (!this.#take(')')) throw this.#problem('a parenthesis is not closed');
    return test;
  }

  #comparison(): Test {
    const name = this.#peek();
    const measure = name !== undefined && Object.hasOwn(MEASURES, name) ? MEASURES[name]! : undefined;
    if (measure === undefined) throw this.#unknownMeasure(name);
    this.#next++;
    const selector = this.#selector(name!, measure);
    const operator = this.#peek() ?? '';
    if (!Object.hasOwn(COMPARISONS, operator))
      throw this.#problem(
        operator === '' ? 'a comparison is missing' : `"${operator}" is no comparison`,
        'write <, <=, >, >=, == or !=',
      );
    this.#next++;
    const limit = this.#literal(name!, measure.unit);
    const label = selector === undefined ? name! : `${name}(${selector})`;
    return (simulation, found) => {
      const value = valueOf(measure, label, simulation, selector);
      found.push(`${label} is ${formatMeasure(value, measure.unit)}`);
      return COMPARISONS[operator]!(value, limit);
    };
  }

  #selector(name: string, { of }: Measure): string | undefined {
    if (!this.#take('(')) return undefined;
    const selector = this.#peek();
    if (of === 'nothing') throw this.#problem(`${name} is not of anything`);
    if (selector === undefined || selector === ')') throw this.#problem(`the ${of} is missing`);
    this.#next++;
    if (!this.#take(')')) throw this.#problem('a parenthesis is not closed');
    return selector;
  }

  #literal(name: string, unit: MeasureUnit): number {
    const word = this.#peek();
    if (word === undefined) throw this.#problem('a value is missing', exampleOf(unit));
    try {
      const value = unit === 'duration' ? parseDuration(word) : unit === 'size' ? parseSize(word) : parseNumber(word);
      this.#next++;
      return value;
    } catch {
      throw this.#problem(`${name} is a ${unit}, and "${word}" is none`, exampleOf(unit));
    }
  }

  #unknownMeasure(name: string | undefined): HoldfastError {
    const known = Object.keys(MEASURES);
    if (name === undefined) return this.#problem('a measure is missing', `one of ${known.join(', ')}`);
    const meant = suggest(name, known);
    return this.#problem(
      `there is no measure "${name}"`,
      meant === undefined ? `one of ${known.join(', ')}` : `did you mean "${meant}"?`,
    );
  }

  #peek(): string | undefined {
    return this.#tokens[this.#next]?.word;
  }

  #take(word: string): boolean {
    if (this.#peek() !== word) return false;
    this.#next++;
    return true;
  }

  #problem(message: string, hint = HINT): HoldfastError {
    const at = this.#tokens[this.#next]?.at ?? this.#text.length;
    return new HoldfastError('Usage', `the assertion "${this.#text}", at character ${at + 1}: ${message}`, { hint });
  }
}

function parseNumber(word: string): number {
  if (!/^\d{1,12}(\.\d{1,6})?$/.test(word)) throw new HoldfastError('Usage', `"${word}" is not a number`);
  return Number(word);
}

function exampleOf(unit: MeasureUnit): string {
  if (unit === 'duration') return 'write it like 90s, 15m, 1h30m or 7d';
  return unit === 'size' ? 'write it like 512MiB, 20GiB or 1.5TiB' : 'write a number';
}

/** As the language writes it. */
export function formatMeasure(value: number, unit: MeasureUnit): string {
  if (unit === 'duration') return formatDuration(value);
  return unit === 'size' ? formatBytes(value) : String(value);
}

function valueOf(measure: Measure, label: string, simulation: Simulation, selector: string | undefined): number {
  const value = measure.valueOf(simulation, select(measure, simulation, selector));
  if (value !== undefined) return value;
  const hint =
    measure.unit === 'size' ? 'give --size (and --growth), or --measured' : 'assert it of a policy that has a backup';
  throw new HoldfastError('Usage', `the simulation cannot say what ${label} is`, { hint });
}

/** A policy, all policies of a class, a kind of action, or a repository. Throws Usage for a name that is none. */
function select({ of }: Measure, simulation: Simulation, selector: string | undefined): Selection {
  const { policies } = simulation;
  if (selector === undefined) return { policies };
  if (of === 'policy') {
    const named = policies.filter(({ policy }) => policy === selector);
    const chosen = named.length > 0 ? named : policies.filter(({ importance }) => importance === selector);
    if (chosen.length > 0) return { policies: chosen, name: selector };
    throw notFound('policy or class', selector, [
      ...policies.map(({ policy }) => policy),
      ...policies.flatMap(({ importance }) => importance ?? []),
    ]);
  }
  const known =
    of === 'kind'
      ? simulation.runs.map(({ kind }) => kind)
      : (simulation.storage?.repositories.map(({ repository }) => repository) ?? []);
  const isKnown = known.some((name) => name === selector);
  if (!isKnown && !(of === 'repository' && simulation.storage === undefined))
    throw notFound(of === 'kind' ? 'kind of run' : of, selector, known);
  return { policies, name: selector };
}

function notFound(what: string, name: string, known: readonly string[]): HoldfastError {
  return new HoldfastError('Usage', `the simulation has no ${what} "${name}"`, {
    hint: hintOfNames(name, known, what),
  });
}
