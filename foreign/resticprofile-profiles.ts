/** The profiles of a resticprofile file as they come out: mixins put in, parents inherited from. */
import { HoldfastError } from '../common/errors.ts';
import type { ImportNotes } from './import-notes.ts';
import { emptyMap, isSourceMap, type SourceMap, type SourceNode } from './source-node.ts';

export interface Profiles {
  /** By name, in the order of the file. */
  profiles: Map<string, SourceMap>;
  /** Those that others inherit from. */
  parents: Set<string>;
  version: 1 | 2;
}

const NO_PROFILES = new Set(['version', 'global', 'groups', 'includes', 'profiles', 'mixins', 'schedules', '$schema']);

/** Whether the parents of all its profiles are in the file itself. */
export function isSelfContained(root: SourceMap): boolean {
  const { written } = writtenProfiles(root);
  return [...written.values()].every(({ value }) => {
    const parent = value.get('inherit')?.value;
    return typeof parent !== 'string' || written.has(parent);
  });
}

/** Files that include each other, as one: later ones add to earlier ones, and take the place of their values. */
export function joinRoots([first, ...others]: readonly SourceMap[]): SourceMap {
  return others.reduce((all, root) => merge(all, root, 2), first!);
}

/** Throws Usage for a parent that is not there, or is its own child. */
export function readProfiles(root: SourceMap, notes: ImportNotes): Profiles {
  const { written, version } = writtenProfiles(root);
  const mixins = root.value.get('mixins');
  const mixed = new Map(
    [...written].map(([name, node]) => [
      name,
      version === 1 ? node : useMixins(node, isSourceMap(mixins) ? mixins : emptyMap(root), notes),
    ]),
  );
  const done = new Map<string, SourceMap>();
  const resolve = (name: string, path: readonly string[]): SourceMap => {
    const known = done.get(name);
    if (known !== undefined) return known;
    const node = mixed.get(name)!;
    const inherit = node.value.get('inherit');
    const parent = typeof inherit?.value === 'string' ? inherit.value : undefined;
    if (parent !== undefined && (!mixed.has(parent) || path.includes(parent)))
      throw new HoldfastError(
        'Usage',
        `${inherit!.file}:${inherit!.line}: the profile ${name} inherits from ${parent}, which is ${mixed.has(parent) ? 'its own child' : 'not there'}`,
        {
          hint: 'give all files of the configuration at once, or correct the name',
        },
      );
    const result = parent === undefined ? node : merge(resolve(parent, [...path, name]), node, version);
    const { inherit: _, ...rest } = Object.fromEntries(result.value);
    done.set(name, { ...node, value: new Map(Object.entries(rest)) });
    return done.get(name)!;
  };
  for (const name of mixed.keys()) resolve(name, [name]);
  const parents = new Set([...mixed.values()].map((node) => String(node.value.get('inherit')?.value)));
  return { profiles: new Map([...mixed.keys()].map((name) => [name, done.get(name)!])), parents, version };
}

/** As they are in the file, by name. */
function writtenProfiles(root: SourceMap): { written: Map<string, SourceMap>; version: 1 | 2 } {
  const version = String(root.value.get('version')?.value ?? 1).startsWith('2') ? 2 : 1;
  const own = root.value.get('profiles');
  const entries =
    version === 2
      ? isSourceMap(own)
        ? [...own.value]
        : []
      : [...root.value].filter(([name]) => !NO_PROFILES.has(name));
  return {
    written: new Map(entries.flatMap(([name, node]) => (isSourceMap(node) ? [[name, node] as const] : []))),
    version,
  };
}

/** Maps are merged; in format 1 lists are, too, place by place; in format 2 they are replaced, or added to by a mark at the key. */
function merge(parent: SourceMap, child: SourceMap, version: 1 | 2, isMixin = false): SourceMap {
  const merged = new Map(parent.value);
  for (const [key, node] of child.value) {
    const change = version === 2 ? listChange(key) : undefined;
    // What a mixin adds to is perhaps inherited only later.
    if (change !== undefined && (!isMixin || merged.has(change.key))) {
      const before = listOf(merged.get(change.key));
      const added = listOf(node);
      merged.set(change.key, { ...node, value: change.isAppend ? [...before, ...added] : [...added, ...before] });
      continue;
    }
    const before = merged.get(key);
    if (isSourceMap(before) && isSourceMap(node)) merged.set(key, merge(before, node, version, isMixin));
    else if (version === 1 && Array.isArray(before?.value) && Array.isArray(node.value))
      merged.set(key, { ...node, value: [...node.value, ...before.value.slice(node.value.length)] });
    else merged.set(key, node);
  }
  return { ...child, value: merged };
}

function listChange(key: string): { key: string; isAppend: boolean } | undefined {
  if (key.endsWith('...') || key.endsWith('__APPEND'))
    return { key: key.replace(/(\.\.\.|__APPEND)$/, ''), isAppend: true };
  if (key.startsWith('...') || key.endsWith('__PREPEND'))
    return { key: key.replace(/^\.\.\.|__PREPEND$/g, ''), isAppend: false };
  return undefined;
}

function listOf(node: SourceNode | undefined): SourceNode[] {
  return node === undefined ? [] : Array.isArray(node.value) ? node.value : [node];
}

/** What stands beside `use` counts more than what it brings. */
function useMixins(node: SourceMap, mixins: SourceMap, notes: ImportNotes): SourceMap {
  let base = emptyMap(node);
  for (const use of listOf(node.value.get('use'))) {
    const name = isSourceMap(use) ? use.value.get('name')?.value : use.value;
    const mixin = typeof name === 'string' ? mixins.value.get(name) : undefined;
    if (!isSourceMap(mixin)) {
      notes.add('decide', use, 'use', 'it names a mixin that is not there');
      continue;
    }
    base = merge(base, withVariables(mixin, isSourceMap(use) ? use : emptyMap(use)), 2, true);
  }
  const entries = [...node.value]
    .filter(([key]) => key !== 'use')
    .map(([key, part]) => [key, isSourceMap(part) ? useMixins(part, mixins, notes) : part] as const);
  return merge(base, { ...node, value: new Map(entries) }, 2, true);
}

function withVariables(mixin: SourceMap, use: SourceMap): SourceMap {
  const values = new Map<string, string>();
  const vars = use.value.get('vars');
  for (const from of [mixin.value.get('default-vars'), use, vars])
    if (isSourceMap(from))
      for (const [key, { value }] of from.value)
        if (typeof value !== 'object') values.set(key.toUpperCase(), String(value));
  const replace = (node: SourceNode): SourceNode => {
    if (isSourceMap(node))
      return { ...node, value: new Map([...node.value].map(([key, part]) => [key, replace(part)])) };
    if (Array.isArray(node.value)) return { ...node, value: node.value.map(replace) };
    if (typeof node.value !== 'string') return node;
    return {
      ...node,
      value: node.value.replaceAll(
        /\$\{(\w+)\}|\$(\w+)/g,
        (all, a: string, b: string) => values.get((a ?? b).toUpperCase()) ?? all,
      ),
    };
  };
  return replace({ ...mixin, value: new Map([...mixin.value].filter(([key]) => key !== 'default-vars')) }) as SourceMap;
}
