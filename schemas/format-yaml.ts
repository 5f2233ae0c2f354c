/**
 * The canonical layout of policy files: two spaces a level, one space around what braces hold and before comments, at most
 * one blank line, keys in the order of the schema. What means something stays as it is: values as they are written, lists,
 * comments, and maps in braces as long as they fit on a line.
 */
import { isDeepStrictEqual } from 'node:util';
import { type CST, Parser } from 'yaml';
import { CURRENT_VERSION } from './current-version.ts';
import {
  type BlockLayout,
  type DocumentLayout,
  type Entry,
  type FlowLayout,
  type Layout,
  readLayout,
  type TextLayout,
  type Trivia,
  UnusualLayout,
} from './layout-tree.ts';
import { sortKeys } from './sort-keys.ts';
import { parseDocuments } from './yaml-source.ts';

/** Columns; comments do not count. */
const WIDTH = 120;
const STEP = 2;

/**
 * The text in its canonical layout, which is the same when it is laid out again. It must parse without errors. undefined: it
 * holds what no layout is known for, and stays as it is.
 */
export function formatYaml(text: string): string | undefined {
  const ends = text.includes('\r\n') ? '\r\n' : '\n';
  const plain = text.replaceAll('\r\n', '\n').replace(/^\ufeff/, '');
  const formatted = layOut(plain);
  // Nothing is written of which it is not certain that it says the same.
  if (formatted === undefined || !saysTheSame(plain, formatted) || layOut(formatted) !== formatted) return undefined;
  return formatted.replaceAll('\n', ends);
}

function layOut(text: string): string | undefined {
  if (text.trim() === '') return text;
  try {
    const layouts = readLayout(text);
    sortDocuments(text, layouts);
    return new Printer().print(layouts);
  } catch (error) {
    if (error instanceof UnusualLayout) return undefined;
    throw error;
  }
}

/** An alias must come after its anchor: where there are some, keys stay where they are. */
function sortDocuments(text: string, layouts: readonly DocumentLayout[]): void {
  const documents = parseDocuments(text) ?? [];
  for (const [index, layout] of layouts.entries()) {
    const { apiVersion, kind } = (documents[index]?.toJS() ?? {}) as { apiVersion?: unknown; kind?: unknown };
    if (apiVersion !== CURRENT_VERSION || typeof kind !== 'string' || /[&*]/.test(namesOf(layout.root))) continue;
    sortKeys(layout.root, kind);
  }
}

/** Anchors and aliases of an entry, as written. */
function namesOf({ key, props, value }: Pick<Entry, 'key' | 'props' | 'value'>): string {
  const own = [...props, key ?? ''].filter((word) => /^[&*]/.test(word)).join('');
  if (value === undefined || value.kind === 'text') return own;
  if (value.kind === 'scalar') return own + (value.text.startsWith('*') ? value.text : '');
  if (value.kind === 'verbatim') return own + value.lines.join('').replaceAll(/[^&*]/g, '');
  return own + value.entries.map((entry: Pick<Entry, 'key' | 'props' | 'value'>) => namesOf(entry)).join('');
}

function saysTheSame(before: string, after: string): boolean {
  const [old, now] = [before, after].map((text) => parseDocuments(text) ?? []);
  if (now!.some(({ errors }) => errors.length > 0)) return false;
  const data = (documents: typeof old) =>
    documents!.map((document) => document.toJS({ maxAliasCount: 100 }) as unknown);
  return isDeepStrictEqual(data(old), data(now)) && isDeepStrictEqual(commentsOf(before), commentsOf(after));
}

function commentsOf(text: string): string[] {
  const found: string[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { type, source } = value as { type?: string; source?: string };
    if (type === 'comment' && source !== undefined) found.push(source.trimEnd());
    else for (const member of Object.values(value)) look(member);
  };
  for (const token of new Parser().parse(text)) look(token satisfies CST.Token);
  return found.sort();
}

class Printer {
  readonly #lines: string[] = [];

  print(documents: readonly DocumentLayout[]): string {
    for (const [index, document] of documents.entries()) this.#document(document, index > 0);
    while (this.#lines.at(-1) === '') this.#lines.pop();
    return `${this.#lines.join('\n')}\n`;
  }

  #document({ lead, directives, marker, comment, root, tail, ended }: DocumentLayout, isLater: boolean): void {
    this.#trivia(lead, 0);
    for (const directive of directives) this.#lines.push(directive);
    if (marker || isLater || directives.length > 0) this.#lines.push(withComment('---', comment));
    this.#trivia(root.mid, 0);
    if (root.value !== undefined || root.props.length > 0) this.#root(root);
    this.#trivia(tail, 0);
    if (ended) this.#lines.push('...');
  }

  #root(root: Entry): void {
    const value = root.value;
    if (value !== undefined && isBlock(value) && root.props.length === 0) this.#block(value, 0);
    else if (value?.kind === 'scalar' && !value.text.includes('\n'))
      this.#lines.push(withComment([...root.props, value.text].join(' '), root.trailing));
    else if (value?.kind === 'flow') {
      const text = [...root.props, flowText(value)].join(' ');
      if (text.length <= WIDTH || root.props.length > 0) this.#lines.push(withComment(text, root.trailing));
      else this.#block(asBlock(value), 0);
    } else throw new UnusualLayout();
  }

  #trivia(trivia: readonly Trivia[], indent: number): void {
    for (const one of trivia) {
      if (one !== 'blank') this.#lines.push(' '.repeat(indent) + one.comment);
      else if (this.#lines.length > 0 && this.#lines.at(-1) !== '') this.#lines.push('');
    }
  }

  #block(block: BlockLayout, indent: number): void {
    for (const [index, entry] of block.entries.entries()) {
      this.#trivia(index === 0 ? dropBlanks(entry.lead) : entry.lead, indent);
      this.#entry(entry, indent);
    }
    this.#trivia(block.tail, indent);
  }

  #entry(entry: Entry, indent: number): void {
    const { key, props, comment, mid, value, trailing } = entry;
    const head = `${' '.repeat(indent)}${key === undefined ? '-' : `${key}:`}`;
    const line = [head, ...props].join(' ');
    if (value === undefined) {
      this.#lines.push(withComment(line, comment ?? trailing));
      this.#trivia(mid, indent + STEP);
    } else if (isBlock(value)) this.#entryOfBlock(line, entry, value, indent);
    else if (value.kind === 'flow' && !fits(line, value)) {
      const note = comment ?? trailing;
      const opened: Entry = { ...entry, ...(note === undefined ? {} : { comment: note }) };
      this.#entryOfBlock(line, opened, asBlock(value), indent);
    } else if (comment !== undefined || mid.length > 0) {
      // What stands between a key and its value keeps it on a line of its own.
      if (value.kind === 'text') throw new UnusualLayout();
      this.#lines.push(withComment(head, comment));
      this.#trivia(mid, indent + STEP);
      this.#value([' '.repeat(indent + STEP - 1), ...props].join(' '), value, indent, trailing);
    } else this.#value(line, value, indent, trailing);
  }

  #entryOfBlock(line: string, { key, props, comment, mid }: Entry, value: BlockLayout, indent: number): void {
    const first = value.entries[0];
    const isPlain = comment === undefined && mid.length === 0 && props.length === 0;
    // `- key: value`, where nothing stands between.
    if (key === undefined && isPlain && dropBlanks(first?.lead ?? []).length === 0) {
      const at = this.#lines.length;
      this.#block(value, indent + STEP);
      this.#lines[at] = `${line} ${this.#lines[at]!.slice(indent + STEP)}`;
      return;
    }
    this.#lines.push(withComment(line, comment));
    this.#trivia(dropBlanks(mid), indent + STEP);
    this.#block(value, indent + STEP);
  }

  #value(line: string, value: Exclude<Layout, BlockLayout>, indent: number, trailing: string | undefined): void {
    if (value.kind === 'flow') {
      this.#lines.push(withComment(`${line} ${flowText(value)}`, trailing));
      return;
    }
    if (value.kind === 'text') {
      this.#lines.push(withComment(`${line} ${value.header}`, trailing), ...textLines(value, indent));
      return;
    }
    const [first = '', ...rest] = value.kind === 'scalar' ? value.text.split('\n') : value.lines;
    const base = Math.min(...rest.filter((next) => next.trim() !== '').map(indentOf));
    this.#lines.push(`${line} ${first}`.trimEnd());
    for (const next of rest) {
      const deeper = value.kind === 'scalar' ? 0 : indentOf(next) - base;
      this.#lines.push(next.trim() === '' ? '' : `${' '.repeat(indent + STEP + deeper)}${next.trim()}`);
    }
    this.#lines.push(withComment(this.#lines.pop()!, trailing));
  }
}

function isBlock(value: Layout): value is BlockLayout {
  return value.kind === 'map' || value.kind === 'list';
}

function fits(line: string, flow: FlowLayout): boolean {
  return flow.entries.length === 0 || line.length + 1 + flowText(flow).length <= WIDTH;
}

function withComment(line: string, comment: string | undefined): string {
  return comment === undefined ? line : `${line} ${comment}`;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Without blank lines at the beginning. */
function dropBlanks(trivia: readonly Trivia[]): readonly Trivia[] {
  const first = trivia.findIndex((one) => one !== 'blank');
  return first < 0 ? [] : trivia.slice(first);
}

function flowText({ of, entries }: FlowLayout): string {
  const texts = entries.map(({ key, props, value }) => {
    const written = value === undefined ? [] : [value.kind === 'flow' ? flowText(value) : scalarText(value)];
    const text = [...props, ...written].join(' ');
    return key === undefined ? text : text === '' ? key : `${key}: ${text}`;
  });
  if (of === 'list') return `[${texts.join(', ')}]`;
  return texts.length === 0 ? '{}' : `{ ${texts.join(', ')} }`;
}

function scalarText(value: Layout): string {
  if (value.kind !== 'scalar') throw new UnusualLayout();
  return value.text;
}

/** What does not fit on a line, a line for each. */
function asBlock({ of, entries }: FlowLayout): BlockLayout {
  const made = entries.map(({ key, props, value }): Entry => {
    const entry: Entry = { lead: [], props, mid: [], ...(value === undefined ? {} : { value }) };
    if (of === 'map') {
      if (key === undefined) throw new UnusualLayout();
      return { ...entry, key };
    }
    // `[key: value]` is a list of maps.
    if (key === undefined) return entry;
    const pair: FlowLayout = {
      kind: 'flow',
      of: 'map',
      entries: [{ key, props, ...(value === undefined ? {} : { value }) }],
    };
    return { lead: [], props: [], mid: [], value: pair };
  });
  return { kind: of, column: 0, entries: made, tail: [] };
}

/** Of a literal or folded text: lines are moved together, and what they have beyond the common indent is theirs. */
function textLines({ header, lines, column }: TextLayout, indent: number): string[] {
  const given = /\d/.exec(header)?.[0];
  const first = lines.find((line) => line.trim() !== '');
  const base = given === undefined ? (first?.search(/\S/) ?? 0) : column + Number(given);
  const moved = ' '.repeat(indent + (given === undefined ? STEP : Number(given)));
  return lines.map((line) => (line.length > base ? moved + line.slice(base) : ''));
}
