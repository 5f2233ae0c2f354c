/** A map of a configuration that remembers what was read of it: whatever nobody read has no counterpart, and is told. */
import type { ImportNotes } from './import-notes.ts';
import { emptyMap, isSourceMap, type SourceMap, type SourceNode } from './source-node.ts';

/** Writes out what stands for something else (`~`, variables, templates); undefined: it cannot be known here. */
export type Expand = (text: string) => string | undefined;

const asItIs: Expand = (text) => text;

export class Section {
  readonly node: SourceMap;
  /** `documents.backup`; empty at the top. */
  readonly path: string;
  readonly notes: ImportNotes;
  readonly #expand: Expand;
  readonly #read = new Set<string>();
  readonly #parts = new Map<string, Section>();

  constructor(node: SourceMap, path: string, notes: ImportNotes, expand: Expand = asItIs) {
    this.node = node;
    this.path = path;
    this.notes = notes;
    this.#expand = expand;
  }

  keyOf(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  has(key: string): boolean {
    return this.node.value.has(key);
  }

  /** Marks it as read. */
  take(key: string): SourceNode | undefined {
    this.#read.add(key);
    return this.node.value.get(key);
  }

  /** undefined also for `false`, by which children switch off what they inherit. */
  text(key: string): string | undefined {
    const node = this.take(key);
    return node === undefined ? undefined : this.#textOf(node, key);
  }

  /** A text or a list of them. */
  texts(key: string): string[] {
    const node = this.take(key);
    if (node === undefined) return [];
    const items = Array.isArray(node.value) ? node.value : [node];
    return items.flatMap((item) => this.#textOf(item, key) ?? []);
  }

  flag(key: string): boolean | undefined {
    const value = this.take(key)?.value;
    return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined;
  }

  number(key: string): number | undefined {
    const value = this.take(key)?.value;
    const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  }

  /** Empty when it is not there, or no map. What nobody reads of it is told, too. */
  section(key: string): Section {
    const known = this.#parts.get(key);
    if (known !== undefined) return known;
    const node = this.node.value.get(key);
    const isMap = isSourceMap(node);
    if (isMap) this.#read.add(key);
    const map = isMap ? node : emptyMap(node ?? this.node);
    const section = new Section(map, this.keyOf(key), this.notes, this.#expand);
    this.#parts.set(key, section);
    return section;
  }

  /** The maps below it by name. */
  sections(): [string, Section][] {
    return [...this.node.value.keys()].flatMap((key) =>
      isSourceMap(this.node.value.get(key)) ? [[key, this.section(key)] as [string, Section]] : [],
    );
  }

  decide(key: string, message: string): void {
    this.notes.add('decide', this.node.value.get(key) ?? this.node, this.keyOf(key), message);
  }

  /** Reads keys that have an effect here, and tells why it is not kept; not of those that were read. */
  drop(keys: readonly string[], message: string): void {
    this.#tell('dropped', keys, message);
  }

  /** Reads keys without which nothing is lost. */
  skip(keys: readonly string[], message: string): void {
    this.#tell('unneeded', keys, message);
  }

  /** Tells of everything that nobody has read, here and in the sections of it. */
  finish(): void {
    for (const [key, node] of this.node.value) {
      if (this.#read.has(key)) continue;
      this.notes.add('dropped', node, this.keyOf(key), 'holdfast has no counterpart');
    }
    for (const part of this.#parts.values()) part.finish();
  }

  #tell(kind: 'dropped' | 'unneeded', keys: readonly string[], message: string): void {
    for (const key of keys) {
      if (this.#read.has(key)) continue;
      const node = this.take(key);
      if (node !== undefined) this.notes.add(kind, node, this.keyOf(key), message);
    }
  }

  #textOf({ value, ...at }: SourceNode, key: string): string | undefined {
    if (value === null || value === false) return undefined;
    if (typeof value === 'object') {
      this.notes.add('dropped', at, this.keyOf(key), 'it has a form that is not known here');
      return undefined;
    }
    const text = this.#expand(String(value));
    if (text === undefined)
      this.notes.add(
        'decide',
        at,
        this.keyOf(key),
        'it holds a variable or template that only a run knows: write it out',
      );
    return text;
  }
}
