/** Policy files as YAML 1.2: the documents of a text, and the place of every part of them. */
import {
  type Document as YamlDocument,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLParseError,
} from 'yaml';
import { checkAliases, type CheckedAliases, MOST_ALIASES } from './alias-rules.ts';
import { CURRENT_VERSION } from './current-version.ts';
import { findDuplicateKeys } from './duplicate-keys.ts';
import { explainYamlError, sentence } from './explain-yaml-error.ts';
import type { DocumentPath } from './loaded-document.ts';
import { convertDocument, type ConvertedDocument } from './older-versions.ts';
import type { Mark, Problem } from './problem.ts';

export interface YamlPart {
  /** Plain data; of a broken document, what could be read of it. */
  data: unknown;
  /** Has syntax errors. */
  broken: boolean;
  /** The older version that it was converted from; absent: none. */
  convertedFrom?: string;
  mark(path: DocumentPath, part?: 'key' | 'value'): Mark;
}

export interface YamlFile {
  parts: YamlPart[];
  problems: Problem[];
}

/** Told of one document: nobody corrects more at a time. */
const MOST_ERRORS = 100;

/** Reads one file. `file` is how messages name it. Syntax errors, duplicate keys and unknown tags are problems; nothing throws. */
export function parseYamlFile(file: string, text: string): YamlFile {
  const source = new SourceText(file, text);
  const problems: Problem[] = [];
  const documents = parseDocuments(text);
  if (documents === undefined) {
    problems.push(
      syntaxProblem(source.mark(0, 1), 'the nesting of this file is too deep to read', 'lift some of it out'),
    );
    return { parts: [], problems };
  }
  const parts: YamlPart[] = [];
  for (const document of documents) {
    const aliases = checkAliases(document);
    const broken = findSyntaxErrors(document, aliases, source, text);
    problems.push(...broken);
    if (document.contents === null) continue;
    const converted = broken.length > 0 ? undefined : convertDocument(document, text);
    if (converted !== undefined) problems.push(...tellVersion(converted, source, parts));
    const mark = (path: DocumentPath, part: 'key' | 'value' = 'value'): Mark =>
      source.markNode(document, aliases.meant, path, part);
    try {
      const data: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
      // Nothing but comments, or a `---` with nothing behind it.
      if (data !== null) parts.push({ data, mark, broken: broken.length > 0, ...versionOf(converted) });
    } catch (error) {
      // A document with errors may well be unreadable; what is wrong with it is told already.
      if (broken.length > 0) continue;
      const many = (error as Error).message.includes('alias count');
      const message = many
        ? 'the aliases of this document stand for more than can be read'
        : sentence((error as Error).message);
      problems.push(syntaxProblem(mark([]), message, 'write the values themselves'));
    }
  }
  return { parts, problems };
}

function versionOf(converted: ConvertedDocument | undefined): { convertedFrom?: string } {
  return converted === undefined ? {} : { convertedFrom: converted.apiVersion };
}

/** What is wrong with it in its own version; and once in a file that there is a newer one. */
function tellVersion(converted: ConvertedDocument, source: SourceText, before: readonly YamlPart[]): Problem[] {
  const { apiVersion, at, problems } = converted;
  const told = problems.map(({ from, to, message, hint }): Problem => {
    return { ...source.mark(from, to), severity: 'error', code: 'other-version', message, hint };
  });
  if (before.some(({ convertedFrom }) => convertedFrom === apiVersion)) return told;
  const message = `${apiVersion} is an older version of the language`;
  const hint = `it is read as ${CURRENT_VERSION}; to rewrite it: holdfast upgrade`;
  return [{ ...source.mark(at.from, at.to), severity: 'warning', code: 'older-version', message, hint }, ...told];
}

function findSyntaxErrors(
  document: YamlDocument.Parsed,
  aliases: CheckedAliases,
  source: SourceText,
  text: string,
): Problem[] {
  const problems = [...document.errors, ...document.warnings].slice(0, MOST_ERRORS).map(({ code, message, pos }) => {
    // The parser marks the first character of a key or a tag.
    const end = /^[^\s:,{}[\]]+/.exec(text.slice(pos[0], pos[0] + 200))?.[0].length ?? 1;
    const [told, hint] = explainYamlError(code, message, text.slice(pos[0], pos[0] + end));
    return syntaxProblem(source.mark(pos[0], Math.max(pos[1], pos[0] + end)), told, hint);
  });
  for (const { from, to, message, hint } of aliases.problems)
    problems.push(syntaxProblem(source.mark(from, to), message, hint));
  return problems;
}

/**
 * Their errors name duplicate keys, too. undefined when the text nests so deep that the parser, which works by recursion,
 * ran out of stack.
 */
export function parseDocuments(text: string): YamlDocument.Parsed[] | undefined {
  const { stackTraceLimit } = Error;
  try {
    // Each error of the parser is an Error, and nobody reads its stack, which costs many times the rest of it.
    Error.stackTraceLimit = 0;
    const parsed = parseAllDocuments(text, {
      version: '1.2',
      schema: 'core',
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: false,
      logLevel: 'error',
    });
    if ('empty' in parsed) return [];
    for (const document of parsed) {
      const duplicates = findDuplicateKeys(document, MOST_ERRORS);
      if (duplicates.length > 0) document.errors = [...document.errors, ...duplicates].sort(byOffset);
    }
    return parsed;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function byOffset(a: YAMLParseError, b: YAMLParseError): number {
  return a.pos[0] - b.pos[0];
}

function syntaxProblem(mark: Mark, message: string, hint: string): Problem {
  return { ...mark, severity: 'error', code: 'yaml-syntax', message, hint };
}

/** Turns offsets of a text into marks. */
class SourceText {
  readonly #file: string;
  readonly #text: string;
  readonly #lineStarts: number[];

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
    this.#lineStarts = [0];
    for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1))
      this.#lineStarts.push(index + 1);
  }

  /** Marks from one offset to another, at most to the end of the line. */
  mark(from: number, to: number): Mark {
    const start = Math.min(Math.max(0, from), this.#text.length);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= start) low = middle;
      else high = middle - 1;
    }
    const lineStart = this.#lineStarts[low] ?? 0;
    const lineEnd = (this.#lineStarts[low + 1] ?? this.#text.length + 1) - 1;
    const returned = lineEnd > lineStart && this.#text[lineEnd - 1] === '\r';
    const sourceLine = this.#text.slice(lineStart, returned ? lineEnd - 1 : lineEnd);
    const column = Math.min(start - lineStart, sourceLine.length);
    const end = Math.min(to - lineStart, sourceLine.trimEnd().length);
    return { file: this.#file, line: low + 1, column: column + 1, length: Math.max(1, end - column), sourceLine };
  }

  markNode(
    document: YamlDocument.Parsed,
    meant: CheckedAliases['meant'],
    path: DocumentPath,
    part: 'key' | 'value',
  ): Mark {
    let node: unknown = document.contents;
    // What marks the place when the node itself is a list or a map: its key, or its first line in a list.
    let label: Node | undefined;
    for (const step of path) {
      const next = child(meant.get(node) ?? node, step);
      if (next === undefined) return this.#markParent(document, node, label);
      ({ node, label } = next);
    }
    if (part === 'key' && label !== undefined) return this.#markRange(label);
    if (isScalar(node) && node.range && node.range[1] > node.range[0]) return this.#markRange(node);
    if (isAlias(node) && node.range) return this.#markRange(node);
    return this.#markParent(document, node, label);
  }

  #markParent(document: YamlDocument.Parsed, node: unknown, label: Node | undefined): Mark {
    if (label?.range) return this.#markRange(label);
    // A list item or the document itself: its first key, or its first line.
    const target = isMap(node) ? (firstKey(node.items) ?? node) : node;
    const range = (target as Node | null)?.range ?? document.contents?.range ?? document.range;
    return this.mark(range[0], range[1]);
  }

  #markRange(node: Node): Mark {
    const [from, to] = node.range ?? [0, 1];
    return this.mark(from, to);
  }
}

function firstKey(pairs: readonly Pair[]): Node | undefined {
  const key = pairs[0]?.key;
  return isScalar(key) ? key : undefined;
}

function child(node: unknown, step: string | number): { node: unknown; label: Node | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
    );
    return pair === undefined ? undefined : { node: pair.value, label: isScalar(pair.key) ? pair.key : undefined };
  }
  if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
    return { node: node.items[step], label: undefined };
  }
  return undefined;
}
