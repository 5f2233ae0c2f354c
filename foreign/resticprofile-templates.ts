/** Go templates in resticprofile's files: named parts are put in, values are marked to be written out where they are known; more is refused. */
import { HoldfastError } from '../common/errors.ts';

const EXPRESSION = /\{\{-?\s*(.*?)\s*-?\}\}/g;
const VALUE = /^\.[A-Za-z][\w.]*$/;
const MAKES_LINES = /^(?:if|else|end|range|with|define|template|block|break|continue)\b|:=/;
const DEFINE = /^\s*\{\{-?\s*define\s+"([^"]+)"\s*-?\}\}\s*$/;
const END = /^\s*\{\{-?\s*end\s*-?\}\}\s*$/;
const TEMPLATE = /^(.*?)\{\{-?\s*template\s+"([^"]+)"[^}]*\}\}(.*)$/;
/** A variable of the file's own; it is set once. */
const ASSIGNMENT = /^\s*\{\{-?\s*(\$\w+)\s*:?=\s*"([^"]*)"\s*-?\}\}\s*$/;
const COMMENT = /\{\{-?\s*\/\*.*?\*\/\s*-?\}\}/g;
/** Parts that put in each other end here. */
const MAX_LINES = 50_000;
const MAX_DEPTH = 10;

export interface PlainText {
  text: string;
  /** Where a line of the text, counted from 1, stands in the file. */
  lineInFile(line: number): number;
}

interface Line {
  text: string;
  number: number;
}

/**
 * `{{ .Profile.Name }}` becomes `⟦.Profile.Name⟧`, which is text in every format. Throws Usage for a template that makes
 * lines of its own (`range`, `if`), and for a part that is not there.
 */
export function writeOutTemplates(file: string, text: string): PlainText {
  const lines = text.split(/\r?\n/).map((line, index) => ({ text: line.replaceAll(COMMENT, ''), number: index + 1 }));
  const { parts, rest, variables } = takeParts(lines);
  const written = rest.flatMap((line) => putIn(file, line, parts, 0));
  if (written.length > MAX_LINES) throw refuse(file, 1, 'templates that come to more lines than a configuration has');
  return {
    text: written.map((line) => markValues(file, line, variables)).join('\n'),
    lineInFile: (line) => written[line - 1]?.number ?? lines.length,
  };
}

/** `{{ define "NAME" }}` … `{{ end }}` and `{{ $name := "value" }}`, each in a line of its own. */
function takeParts(lines: readonly Line[]): {
  parts: ReadonlyMap<string, Line[]>;
  variables: ReadonlyMap<string, string>;
  rest: Line[];
} {
  const parts = new Map<string, Line[]>();
  const variables = new Map<string, string>();
  const rest: Line[] = [];
  let open: Line[] | undefined;
  for (const line of lines) {
    const name = DEFINE.exec(line.text)?.[1];
    const [, variable, value = ''] = ASSIGNMENT.exec(line.text) ?? [];
    if (variable !== undefined) variables.set(variable, value);
    else if (open === undefined && name !== undefined) parts.set(name, (open = []));
    else if (open !== undefined && END.test(line.text)) open = undefined;
    else (open ?? rest).push(line);
  }
  return { parts, variables, rest };
}

function putIn(file: string, line: Line, parts: ReadonlyMap<string, Line[]>, depth: number): Line[] {
  const match = TEMPLATE.exec(line.text);
  if (match === null) return [line];
  const [, before = '', name = '', after = ''] = match;
  const part = parts.get(name);
  if (part === undefined || depth > MAX_DEPTH) throw refuse(file, line.number, 'a template that is not there');
  const inside = part.flatMap((inner) => putIn(file, inner, parts, depth + 1));
  if (inside.length > MAX_LINES)
    throw refuse(file, line.number, 'templates that come to more lines than a configuration has');
  return [{ ...line, text: before }, ...inside, { ...line, text: after }];
}

function markValues(file: string, { text, number }: Line, variables: ReadonlyMap<string, string>): string {
  return text.replaceAll(EXPRESSION, (_, expression: string) => {
    const own = variables.get(expression);
    if (own !== undefined) return own;
    if (VALUE.test(expression)) return `⟦${expression}⟧`;
    // A function's value, or a variable's, that only a run knows.
    if (!MAKES_LINES.test(expression)) return '⟦…⟧';
    throw refuse(file, number, `a template (${expression.split(/\s/)[0]}) whose lines only resticprofile can make`);
  });
}

function refuse(file: string, line: number, what: string): HoldfastError {
  return new HoldfastError('Usage', `${file}:${line} has ${what}`, {
    hint: 'write its lines out in a copy of the file, and import that',
  });
}
