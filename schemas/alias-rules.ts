/**
 * What aliases in a document must not do: stand for nothing, for themselves, or for far too much. One walk finds what all
 * of them mean; the YAML library goes through the whole document for each.
 */
import { type Alias, type Document as YamlDocument, isAlias, isCollection, isPair, type Node } from 'yaml';
import { printable } from './wording.ts';

/** Of one document. */
export const MOST_ALIASES = 100;

export interface AliasProblem {
  /** Offsets in the text. */
  from: number;
  to: number;
  message: string;
  hint: string;
}

export interface CheckedAliases {
  problems: AliasProblem[];
  /** What each of them stands for. */
  meant: ReadonlyMap<unknown, Node>;
}

export function checkAliases({ contents }: YamlDocument.Parsed): CheckedAliases {
  const problems: AliasProblem[] = [];
  const meant = new Map<Alias, Node>();
  /** The last one of each name, as far as the walk has come. */
  const anchors = new Map<string, Node>();
  let count = 0;
  const see = (node: unknown): void => {
    if (count > MOST_ALIASES) return;
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) meant.set(node, target);
      const told = ++count > MOST_ALIASES ? tellMany() : tellAlias(node, target);
      const [from, to] = node.range ?? [0, 1];
      if (told !== undefined) problems.push({ from, to, ...told });
    } else if (isPair(node)) {
      see(node.key);
      see(node.value);
    } else {
      const { anchor } = (node ?? {}) as Partial<Node>;
      if (anchor !== undefined) anchors.set(anchor, node as Node);
      if (isCollection(node)) for (const item of node.items) see(item);
    }
  };
  see(contents);
  return { problems, meant };
}

function tellMany(): Omit<AliasProblem, 'from' | 'to'> {
  const message = `more than ${MOST_ALIASES} aliases in one document`;
  return { message, hint: 'write the values themselves, or make the policies by a PolicySet' };
}

function tellAlias(alias: Alias, meant: Node | undefined): Omit<AliasProblem, 'from' | 'to'> | undefined {
  const name = printable(alias.source);
  if (meant === undefined) {
    const hint = `put it in quotes if the star belongs to it: "*${name}"`;
    return { message: `there is no anchor &${name} before this alias`, hint };
  }
  const [at] = alias.range ?? [0];
  const [start, , end] = meant.range ?? [0, 0, 0];
  return start <= at && at < end
    ? { message: `this alias stands inside of what it repeats, &${name}`, hint: 'write the value itself' }
    : undefined;
}
