/** What aliases in a document must not do: stand for nothing, for themselves, or for far too much. */
import { type Alias, type Document as YamlDocument, visit } from 'yaml';

/** Of one document. */
export const MOST_ALIASES = 100;

export interface AliasProblem {
  /** Offsets in the text. */
  from: number;
  to: number;
  message: string;
  hint: string;
}

export function findAliasProblems(document: YamlDocument.Parsed): AliasProblem[] {
  const problems: AliasProblem[] = [];
  let count = 0;
  visit(document, {
    Alias(_key, alias) {
      const told = ++count > MOST_ALIASES ? tellMany() : tellAlias(alias, document);
      const [from, to] = alias.range ?? [0, 1];
      if (told !== undefined) problems.push({ from, to, ...told });
      return count > MOST_ALIASES ? visit.BREAK : undefined;
    },
  });
  return problems;
}

function tellMany(): Omit<AliasProblem, 'from' | 'to'> {
  const message = `more than ${MOST_ALIASES} aliases in one document`;
  return { message, hint: 'write the values themselves, or make the policies by a PolicySet' };
}

function tellAlias(alias: Alias, document: YamlDocument.Parsed): Omit<AliasProblem, 'from' | 'to'> | undefined {
  const meant = alias.resolve(document);
  if (meant === undefined) {
    const hint = `put it in quotes if the star belongs to it: "*${alias.source}"`;
    return { message: `there is no anchor &${alias.source} before this alias`, hint };
  }
  const [at] = alias.range ?? [0];
  const [start, , end] = meant.range ?? [0, 0, 0];
  return start <= at && at < end
    ? { message: `this alias stands inside of what it repeats, &${alias.source}`, hint: 'write the value itself' }
    : undefined;
}
