/**
 * holdfast/v1beta1, which differs from holdfast/v1 in two places: the interval of a schedule was called `interval`, not
 * `every`; and `backup` was a map by repository, not a list: `{ offsite: { interval: 1h } }`.
 */
import {
  type Document as YamlDocument,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  Pair,
  Scalar,
  stringify,
  YAMLMap,
  YAMLSeq,
} from 'yaml';
import { CURRENT_VERSION } from './current-version.ts';
import type { Conversion, OlderVersion, TextEdit } from './older-versions.ts';

const VERSION = 'holdfast/v1beta1';

/** Below the spec of each kind; `*` is any key, or any item of a list. */
const SCHEDULES: Readonly<Record<string, readonly string[]>> = {
  Project: [
    'audit',
    'heartbeat',
    ...['sync', 'backup', 'restoreTest', 'accessCheck'].map((key) => `importance.*.${key}`),
  ],
  Provider: ['review'],
  Repository: ['prune', 'check'],
  Policy: [
    'sync.*',
    'backup.*',
    'backup.*.retention',
    'copy.*',
    'retention',
    'restoreTest',
    'restoreTest.full',
    'accessCheck',
  ],
};

export const V1BETA1: OlderVersion = {
  apiVersion: VERSION,
  next: CURRENT_VERSION,
  convert(document, text) {
    const kind = document.get('kind');
    const isSet = kind === 'PolicySet';
    const spec = document.getIn(isSet ? ['spec', 'template', 'spec'] : ['spec'], true);
    const converter = new Converter(document, text);
    const shape = isSet ? 'Policy' : String(kind);
    for (const path of Object.hasOwn(SCHEDULES, shape) ? SCHEDULES[shape]! : [])
      for (const schedule of nodesAt(document, spec, path.split('.'))) converter.renameInterval(schedule);
    if (isMap(spec) && (isSet || kind === 'Policy')) converter.listBackups(spec);
    return converter.conversion;
  },
};

function* nodesAt(document: YamlDocument, node: unknown, [step, ...rest]: readonly string[]): Generator<unknown> {
  const found = isAlias(node) ? node.resolve(document) : node;
  if (step === undefined) yield found;
  else if (step === '*' && (isMap(found) || isSeq(found)))
    for (const item of found.items) yield* nodesAt(document, item instanceof Pair ? item.value : item, rest);
  else if (isMap(found)) yield* nodesAt(document, found.get(step, true), rest);
}

class Converter {
  readonly conversion: Conversion = { edits: [], problems: [] };
  readonly #document: YamlDocument;
  readonly #text: string;
  /** What several aliases name is changed once. */
  readonly #done = new Set<unknown>();

  constructor(document: YamlDocument, text: string) {
    this.#document = document;
    this.#text = text;
  }

  renameInterval(schedule: unknown): void {
    if (!isMap(schedule) || this.#done.has(schedule)) return;
    this.#done.add(schedule);
    for (const { key } of schedule.items) {
      if (!isScalar(key) || key.range == null) continue;
      const [from, to] = key.range;
      if (key.value === 'every') {
        const message = `"every" is not a key of ${VERSION}`;
        this.conversion.problems.push({ from, to, message, hint: `write interval, or apiVersion: ${CURRENT_VERSION}` });
      } else if (key.value === 'interval') {
        key.value = 'every';
        this.conversion.edits.push({ from, to, text: 'every' });
      }
    }
  }

  /** `{ offsite: { every: 1h } }` becomes `[{ to: offsite, every: 1h }]`. */
  listBackups(spec: YAMLMap): void {
    const pair = spec.items.find(({ key }) => isScalar(key) && key.value === 'backup');
    const map = isAlias(pair?.value) ? pair.value.resolve(this.#document) : pair?.value;
    if (pair === undefined || !isNode(map) || map.range == null) return;
    if (isSeq(map)) {
      const [from, to] = (pair.key as Scalar).range!;
      const message = `in ${VERSION}, backup is a map by repository, not a list`;
      const hint = `write backup: { offsite: { interval: 1h } }, or apiVersion: ${CURRENT_VERSION}`;
      this.conversion.problems.push({ from, to, message, hint });
      return;
    }
    if (!isMap(map)) return;
    const list = new YAMLSeq();
    const edits: TextEdit[] = [];
    for (const item of map.items) edits.push(...this.#listBackup(item as Pair<Scalar, Node | null>, list, map));
    list.range = map.range;
    list.flow = map.flow === true;
    if (map.flow === true) {
      edits.push({ from: map.range[0], to: map.range[0] + 1, text: '[' });
      edits.push({ from: map.range[1] - 1, to: map.range[1], text: ']' });
    }
    // An alias is replaced by what it names: the anchor may stand for something else, too.
    if (isAlias(pair.value) || map.anchor !== undefined) this.#rewrite(pair.value as Node, list);
    else this.conversion.edits.push(...edits);
    pair.value = list;
  }

  #listBackup({ key, value }: Pair<Scalar, Node | null>, list: YAMLSeq, map: YAMLMap): TextEdit[] {
    const settings = isAlias(value) ? value.resolve(this.#document) : value;
    const isEmpty = settings == null || (isScalar(settings) && settings.value === null);
    if (!isEmpty && !isMap(settings)) {
      // No settings: the schema says so, at its place.
      list.items.push(settings);
      return [];
    }
    const to = new Scalar('to');
    to.range = key.range!;
    const entry = new YAMLMap();
    entry.items.push(new Pair(to, key));
    entry.range = key.range!;
    entry.flow = map.flow === true;
    if (isMap(settings)) {
      this.#refuseTo(settings);
      entry.items.push(...settings.items);
      entry.range = settings.range!;
      entry.flow ||= settings.flow === true;
    }
    list.items.push(entry);
    return this.#editEntry(key, value, isEmpty, map.flow === true);
  }

  /** It would be the repository in place of the key above it. */
  #refuseTo(settings: YAMLMap): void {
    for (const { key } of settings.items) {
      if (!isScalar(key) || key.value !== 'to' || key.range == null) continue;
      const [from, to] = key.range;
      const message = `"to" is not a key of ${VERSION}: the repository is the key above`;
      this.conversion.problems.push({ from, to, message, hint: 'remove it' });
    }
  }

  #editEntry(key: Scalar, value: Node | null, isEmpty: boolean, inFlow: boolean): TextEdit[] {
    const [from, end] = key.range!;
    const name = this.#text.slice(from, end);
    const dash = inFlow ? '' : '- ';
    const colon = this.#text.indexOf(':', end);
    if (isEmpty) {
      // Its colon goes, what stands for nothing as well.
      const [start, stop] = value?.range ?? [colon + 1, colon + 1];
      const nothing = stop > start ? [{ from: start, to: stop, text: '' }] : [];
      const text = inFlow ? `{ to: ${name} }` : `- to: ${name}`;
      return [{ from, to: hasColon(this.#text, end) ? colon + 1 : end, text }, ...nothing];
    }
    const [start, stop] = value!.range!;
    if (isMap(value) && value.flow !== true && value.anchor === undefined) {
      const edits = [{ from, to: colon + 1, text: `- to: ${name}` }];
      return [...edits, ...this.#shiftLines(start, stop, columnOf(this.#text, from) + 2)];
    }
    if (isMap(value) && value.anchor === undefined && value.items.length > 0)
      return [{ from, to: start + 1, text: `${dash}{ to: ${name},` }];
    if (isMap(value) && value.anchor === undefined) return [{ from, to: stop, text: `${dash}{ to: ${name} }` }];
    const data = isAlias(value) ? value.resolve(this.#document)?.toJSON() : (value as Node).toJSON();
    const settings = stringify({ to: key.value, ...(data as object) }, { collectionStyle: 'flow', lineWidth: 0 });
    return [{ from, to: stop, text: `${dash}${settings.trimEnd()}` }];
  }

  /** Lines of a block to begin at another column; its first line begins with its first key. */
  #shiftLines(start: number, stop: number, column: number): TextEdit[] {
    const shift = column - columnOf(this.#text, start);
    const edits: TextEdit[] = [];
    for (let line = lineStart(this.#text, start); line < stop; line = nextLine(this.#text, line)) {
      const indent = /^ */.exec(this.#text.slice(line, line + 500))![0].length;
      const isBlank = this.#text[line + indent] === '\n' || this.#text[line + indent] === '\r';
      if (shift === 0 || isBlank) continue;
      edits.push({ from: line, to: line + indent, text: ' '.repeat(Math.max(0, indent + shift)) });
    }
    return edits;
  }

  #rewrite(old: Node, list: YAMLSeq): void {
    const [from, to] = old.range!;
    const text = stringify(list.toJSON(), { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
    this.conversion.edits.push({ from, to, text });
  }
}

function hasColon(text: string, end: number): boolean {
  return /^\s*:/.test(text.slice(end, end + 200));
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

function nextLine(text: string, line: number): number {
  const end = text.indexOf('\n', line);
  return end < 0 ? text.length : end + 1;
}
