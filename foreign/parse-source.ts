/** Reads a configuration file of another program: YAML, JSON (which YAML contains) or TOML, with the line of every part. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { HoldfastError } from '../common/errors.ts';
import { isSourceMap, type SourceMap, type SourceNode, type SourceScalar } from './source-node.ts';
import { findTomlLines, type TomlLines } from './toml-lines.ts';

/** Aliases may repeat parts: a file that comes to more than this is no configuration. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 100;

/** Where a line of the text stood in the file, before templates were written out. */
type LineInFile = (line: number) => number;

/**
 * What is read is decided by the ending of the name (`.toml`, `.conf`; `.yaml`, `.yml`, `.json`), else by what the text
 * turns out to be. Throws Usage with the line of what is wrong, and nothing of the text, which may hold secrets.
 */
export async function parseSource(file: string, text: string, lineInFile: LineInFile): Promise<SourceMap> {
  const looksLikeToml =
    /\.(toml|conf)$/i.test(file) || (!/\.(ya?ml|json)$/i.test(file) && /^\s*\[[^\]\n]+\]\s*$/m.test(text));
  const node = looksLikeToml ? await parseToml(file, text, lineInFile) : parseYaml(file, text, lineInFile);
  if (isSourceMap(node)) return node;
  throw new HoldfastError('Usage', `${file} is no configuration: it has no keys at its top`, {
    hint: 'give a file of resticprofile, autorestic or borgmatic',
  });
}

/** Without the parser's own words: they may quote the text. */
function malformed(file: string, line: number, language: string): HoldfastError {
  return new HoldfastError('Usage', `${file}:${line} is not valid ${language}`, {
    hint: 'correct it there, or see whether the program that it is for still reads it',
  });
}

function parseYaml(file: string, text: string, lineInFile: LineInFile): SourceNode {
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lineInFile(lines.linePos(offset).line);
  let document: ReturnType<typeof parseDocument>;
  try {
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'error' });
  } catch {
    throw malformed(file, 1, 'YAML');
  }
  const [error] = document.errors;
  if (error !== undefined) throw malformed(file, lineAt(error.pos[0]), 'YAML');
  let count = 0;
  const lineOf = (node: Node): number => lineAt(node.range?.[0] ?? 0);
  const convert = (node: unknown, line: number, depth: number): SourceNode => {
    if (++count > MAX_NODES || depth > MAX_DEPTH) throw malformed(file, line, 'YAML of a configuration');
    if (isAlias(node)) return convert(node.resolve(document), lineOf(node), depth + 1);
    if (isScalar(node)) return { file, line: lineOf(node), value: scalarOf(node.value) };
    if (isSeq(node)) {
      const own = lineOf(node);
      return { file, line: own, value: node.items.map((item) => convert(item, own, depth + 1)) };
    }
    if (!isMap(node)) return { file, line, value: null };
    const entries = new Map<string, SourceNode>();
    for (const { key, value } of node.items) {
      const at = isScalar(key) ? lineOf(key) : line;
      const name = isScalar(key) ? (typeof key.value === 'symbol' ? '<<' : String(key.value)) : '';
      const part = convert(value, at, depth + 1);
      // `<<: *anchor`: what stands here itself counts more.
      if (name === '<<')
        for (const [merged, inner] of mergedEntries(part)) entries.set(merged, entries.get(merged) ?? inner);
      else entries.set(name, { ...part, line: at });
    }
    return { file, line, value: entries };
  };
  return convert(document.contents, 1, 0);
}

function mergedEntries(node: SourceNode): [string, SourceNode][] {
  if (isSourceMap(node)) return [...node.value];
  return Array.isArray(node.value) ? node.value.flatMap(mergedEntries) : [];
}

async function parseToml(file: string, text: string, lineInFile: LineInFile): Promise<SourceNode> {
  const { parse, TomlError } = await import('smol-toml');
  let data: unknown;
  try {
    data = parse(text);
  } catch (cause) {
    throw malformed(file, lineInFile(cause instanceof TomlError ? cause.line : 1), 'TOML');
  }
  const lines = findTomlLines(text);
  const lineOf = (path: readonly string[]): number | undefined => {
    const line = lines.lineOf(path);
    return line === undefined ? undefined : lineInFile(line);
  };
  return convertToml(data, [], { file, line: 1 }, { lineOf });
}

function convertToml(
  data: unknown,
  path: readonly string[],
  above: Pick<SourceNode, 'file' | 'line'>,
  lines: TomlLines,
): SourceNode {
  const at = { file: above.file, line: lines.lineOf(path) ?? above.line };
  if (Array.isArray(data))
    return { ...at, value: data.map((item, index) => convertToml(item, [...path, String(index)], at, lines)) };
  if (typeof data !== 'object' || data === null || data instanceof Date) return { ...at, value: scalarOf(data) };
  const entries = Object.entries(data).map(
    ([key, value]) => [key, convertToml(value, [...path, key], at, lines)] as const,
  );
  return { ...at, value: new Map(entries) };
}

function scalarOf(value: unknown): SourceScalar {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
