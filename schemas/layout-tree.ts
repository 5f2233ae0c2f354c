/** A YAML text as what stands where: entries, their comments and blank lines; read from the tokens of the parser. */
import { CST, Parser } from 'yaml';

/** A comment on a line of its own, with the column that it had, or a blank line. */
export type Trivia = { comment: string; column: number } | 'blank';

export interface Entry {
  /** On the lines before. */
  lead: Trivia[];
  /** As written, with what is attached to it (`&anchor key`); absent: an item of a list. */
  key?: string;
  /** Anchor and tag of the value. */
  props: string[];
  /** On the line of the key or dash, when the value is on another one. */
  comment?: string;
  /** Between the key or dash and its value. */
  mid: Trivia[];
  /** Absent: nothing is written. */
  value?: Layout;
  /** On the line on which the value ends. */
  trailing?: string;
}

export interface BlockLayout {
  kind: 'map' | 'list';
  /** The column it had. */
  column: number;
  entries: Entry[];
  /** After the last entry. */
  tail: Trivia[];
}

export interface FlowLayout {
  kind: 'flow';
  of: 'map' | 'list';
  /** `key` without `value` is a key alone, as in a list. */
  entries: { key?: string; props: string[]; value?: Layout }[];
}

/** A scalar or an alias as it is written; a text of several lines in quotes or without is written on. */
export interface ScalarLayout {
  kind: 'scalar';
  text: string;
}

/** A literal or folded text: the header, and the lines with the indent that they had. */
export interface TextLayout {
  kind: 'text';
  header: string;
  lines: string[];
  /** Of the block that it stands in. */
  column: number;
}

/** Kept as it is, line by line: what holds comments within braces. */
export interface VerbatimLayout {
  kind: 'verbatim';
  lines: string[];
}

export type Layout = BlockLayout | FlowLayout | ScalarLayout | TextLayout | VerbatimLayout;

export interface DocumentLayout {
  /** Before `---`, or before the document. */
  lead: Trivia[];
  directives: string[];
  /** Whether it begins with `---`, and what stands on that line. */
  marker: boolean;
  comment?: string;
  root: Entry;
  /** After it. */
  tail: Trivia[];
  /** Ends with `...`. */
  ended: boolean;
}

/** The text has a form that is not laid out anew: keys of several lines, `? key`, and such. */
export class UnusualLayout extends Error {}

type Token = CST.SourceToken;
/** An item of a map or a list, as far as it is read. */
type Item = { start: Token[]; key?: CST.Token | null; sep?: Token[]; value?: CST.Token };

interface ReadTrivia {
  own: Trivia[];
  /** On the line that the tokens begin in. */
  inline?: string;
  props: string[];
}

/** Of a text that parses without errors. Throws UnusualLayout. */
export function readLayout(text: string): DocumentLayout[] {
  const documents: DocumentLayout[] = [];
  let [lead, directives]: [Trivia[], string[]] = [[], []];
  let loose: Token[] = [];
  const settle = (): Trivia[] => {
    const { own } = readTrivia(loose, false);
    loose = [];
    return own;
  };
  for (const token of new Parser().parse(text)) {
    if (token.type === 'document') {
      lead.push(...settle());
      documents.push({ ...readDocument(token), lead, directives });
      [lead, directives] = [[], []];
    } else if (token.type === 'directive') {
      lead.push(...settle());
      directives.push(token.source);
    } else if (token.type === 'doc-end') {
      const last = documents.at(-1);
      if (last === undefined) throw new UnusualLayout();
      last.tail.push(...settle(), ...readTrivia(token.end ?? [], true).own);
      last.ended = true;
    } else if (token.type === 'comment' || token.type === 'newline' || token.type === 'space') loose.push(token);
    else if (token.type !== 'byte-order-mark') throw new UnusualLayout();
  }
  const rest = [...lead, ...settle()];
  if (documents.length === 0) throw new UnusualLayout();
  documents.at(-1)!.tail.push(...rest);
  return documents;
}

function readDocument(token: CST.Document): Omit<DocumentLayout, 'lead' | 'directives'> {
  const at = token.start.findIndex(({ type }) => type === 'doc-start');
  const above = readTrivia(token.start.slice(0, Math.max(0, at)), false);
  const after = readTrivia(token.start.slice(at + 1), at >= 0);
  const root: Entry = { lead: [], props: after.props, mid: [...above.own, ...after.own] };
  const rest = token.value === undefined ? [] : readValue(root, token.value);
  const before = token.value === undefined ? (token.start.at(-1)?.source ?? '\n') : CST.stringify(token.value);
  const { own } = readTrivia(token.end ?? [], !before.endsWith('\n'));
  return {
    marker: at >= 0,
    ...(after.inline === undefined ? {} : { comment: after.inline }),
    root,
    tail: [...rest, ...own],
    ended: false,
  };
}

/** Reads a value into its entry; gives the comments after it that belong to what comes next. */
function readValue(entry: Entry, token: CST.Token): Trivia[] {
  switch (token.type) {
    case 'block-map':
    case 'block-seq': {
      const [block, rest] = readBlock(token);
      entry.value = block;
      return rest;
    }
    case 'block-scalar': {
      const props = token.props as Token[];
      const header = props.find(({ type }) => type === 'block-scalar-header')?.source ?? '|';
      const { inline } = readTrivia(
        props.filter(({ type }) => type !== 'block-scalar-header'),
        true,
      );
      if (inline !== undefined) entry.trailing = inline;
      entry.value = { kind: 'text', header, lines: token.source.replace(/\n$/, '').split('\n'), column: token.indent };
      return [];
    }
    case 'flow-collection': {
      const [, ...end] = token.end;
      entry.value = readFlow(token);
      return readEnd(entry, end);
    }
    case 'alias':
    case 'scalar':
    case 'single-quoted-scalar':
    case 'double-quoted-scalar':
      entry.value = { kind: 'scalar', text: token.source };
      return readEnd(entry, token.end ?? []);
    default:
      throw new UnusualLayout();
  }
}

function readEnd(entry: Entry, tokens: readonly Token[]): Trivia[] {
  const { inline, own } = readTrivia(tokens, true);
  if (inline !== undefined) entry.trailing = inline;
  return own;
}

function readBlock(token: CST.BlockMap | CST.BlockSequence): [BlockLayout, rest: Trivia[]] {
  const kind = token.type === 'block-map' ? 'map' : 'list';
  const block: BlockLayout = { kind, column: token.indent, entries: [], tail: [] };
  let pending: Trivia[] = [];
  for (const item of token.items as Item[]) {
    const read = kind === 'map' ? readPair(item) : readItem(item);
    if (read.entry === undefined) pending.push(...read.lead);
    else {
      read.entry.lead.unshift(...pending);
      block.entries.push(read.entry);
      pending = read.rest;
    }
  }
  // A comment further left than its block belongs to what comes after that.
  const outer = pending.findIndex((trivia) => trivia !== 'blank' && trivia.column < block.column);
  if (outer < 0) {
    const comments = pending.findLastIndex((trivia) => trivia !== 'blank') + 1;
    block.tail = pending.slice(0, comments);
    return [block, pending.slice(comments)];
  }
  const from = pending.findLastIndex((trivia, index) => index < outer && trivia !== 'blank') + 1;
  block.tail = pending.slice(0, from);
  return [block, pending.slice(from)];
}

type ReadItem = { entry: Entry; lead?: undefined; rest: Trivia[] } | { entry?: undefined; lead: Trivia[] };

function readPair(item: Item): ReadItem {
  const start = readTrivia(item.start, false);
  if (item.key === undefined && item.sep === undefined) {
    if (item.value !== undefined || start.props.length > 0) throw new UnusualLayout();
    return { lead: withInline(start) };
  }
  const { inline, own, props } = readTrivia(item.sep ?? [], true);
  const entry: Entry = { lead: withInline(start), key: keyOf(item.key, start.props), props, mid: own };
  if (inline !== undefined) entry.comment = inline;
  return { entry, rest: item.value == null ? restOf(entry) : readValue(entry, item.value) };
}

function readItem(item: Item): ReadItem {
  const dash = item.start.findIndex(({ type }) => type === 'seq-item-ind');
  if (dash < 0) {
    if (item.value !== undefined) throw new UnusualLayout();
    return { lead: withInline(readTrivia(item.start, false)) };
  }
  const before = readTrivia(item.start.slice(0, dash), false);
  const { inline, own, props } = readTrivia(item.start.slice(dash + 1), true);
  if (before.props.length > 0) throw new UnusualLayout();
  const entry: Entry = { lead: withInline(before), props, mid: own };
  if (inline !== undefined) entry.comment = inline;
  return { entry, rest: item.value === undefined ? restOf(entry) : readValue(entry, item.value) };
}

/** Where nothing is written, what stands after the key comes before what is next. */
function restOf(entry: Entry): Trivia[] {
  const rest = entry.mid;
  entry.mid = [];
  return rest;
}

function withInline({ inline, own }: ReadTrivia): Trivia[] {
  if (inline !== undefined) throw new UnusualLayout();
  return own;
}

function keyOf(key: CST.Token | null | undefined, props: readonly string[]): string {
  if (key == null || !('source' in key) || key.source.includes('\n')) throw new UnusualLayout();
  if (key.type === 'block-scalar' || ('end' in key && (key.end?.length ?? 0) > 0)) throw new UnusualLayout();
  return [...props, key.source].join(' ');
}

function readFlow(token: CST.FlowCollection): FlowLayout | VerbatimLayout {
  const source = CST.stringify({ ...token, end: token.end.slice(0, 1) });
  if (/\n/.test(source) && hasSeveralLines(token)) return { kind: 'verbatim', lines: source.split('\n') };
  return {
    kind: 'flow',
    of: token.start.source === '{' ? 'map' : 'list',
    entries: token.items.flatMap((item) => {
      const { props: keyProps } = readTrivia(item.start, true);
      if (item.key === undefined && item.value === undefined) return [];
      if (item.key === undefined) {
        const entry: Entry = { lead: [], props: keyProps, mid: [] };
        readValue(entry, item.value!);
        return [entry];
      }
      const { props } = readTrivia(item.sep ?? [], true);
      const entry: Entry = { lead: [], key: keyOf(item.key, keyProps), props, mid: [] };
      if (item.value != null) readValue(entry, item.value);
      // `{ key }` and `{ key: }` say the same.
      return [entry];
    }),
  };
}

/** Comments within, or texts of several lines: nothing that one line could hold. */
function hasSeveralLines(token: CST.FlowCollection): boolean {
  let found = false;
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || found) return;
    if (Array.isArray(value)) return value.forEach(look);
    const { type, source } = value as { type?: string; source?: string };
    if (type === 'comment' || (type?.includes('scalar') === true && source?.includes('\n') === true)) found = true;
    for (const member of Object.values(value)) look(member);
  };
  look({ items: token.items, end: token.end.slice(0, 1) });
  return found;
}

/** `midLine`: the tokens begin behind something on its line. */
function readTrivia(tokens: readonly Token[], midLine: boolean): ReadTrivia {
  const read: ReadTrivia = { own: [], props: [] };
  let [isFirstLine, isMidLine, column] = [midLine, midLine, 0];
  for (const { type, source } of tokens) {
    if (type === 'newline') {
      if (!isMidLine) read.own.push('blank');
      [isFirstLine, isMidLine, column] = [false, false, 0];
    } else if (type === 'space') column += isMidLine ? 0 : source.length;
    else if (type === 'comment') {
      const comment = source.trimEnd();
      if (isFirstLine) read.inline = comment;
      else read.own.push({ comment, column });
      isMidLine = true;
    } else if (type === 'anchor' || type === 'tag') {
      read.props.push(source);
      isMidLine = true;
    } else if (type !== 'map-value-ind' && type !== 'comma' && type !== 'flow-map-end' && type !== 'flow-seq-end') {
      throw new UnusualLayout();
    }
  }
  return read;
}
