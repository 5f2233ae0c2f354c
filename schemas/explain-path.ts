/** Explains a path of the language: what stands there, what it means, how it is written. */
import { HoldfastError } from '../common/errors.ts';
import { suggest } from '../common/suggest.ts';
import type { Kind } from './loaded-document.ts';
import { followReference, KINDS, objectBranch, rootSchema, type SchemaNode, stepInto } from './schema-tree.ts';

export interface KeyExplanation {
  key: string;
  /** `duration`, `list of text`, `map` … */
  type: string;
  required: boolean;
  default?: unknown;
  description: string;
}

export interface Explanation {
  /** The full path: `policy.spec.backup.every`. */
  path: string;
  kind: Kind;
  /** The keys below the kind. */
  steps: string[];
  type: string;
  description: string;
  default?: unknown;
  /** A value that is possible here. */
  example: unknown;
  /** The only values possible, when they are few. */
  values?: unknown[];
  /** Regular expression of the values. */
  pattern?: string;
  keys: KeyExplanation[];
  /** Keys of which exactly one must be there. */
  oneOf?: string[];
  /** The JSON Schema of the part. */
  schema: SchemaNode;
}

/** All kinds of documents. */
export function explainKinds(): KeyExplanation[] {
  return KINDS.map((kind) => ({
    key: kind,
    type: 'document',
    required: false,
    description: rootSchema(kind).description ?? '',
  }));
}

/**
 * Explains a path such as `policy`, `policy.spec.backup.every` or `Policy.backup`: kinds in any case, `spec` may be left
 * out, list items need no number. Throws NotFound, with what may have been meant.
 */
export function explainPath(text: string): Explanation {
  const [first = '', ...rest] = text.split(/[./]/).filter((step) => step !== '');
  const kind = findKind(first);
  const shown = [first.toLowerCase()];
  let node: SchemaNode = followReference(rootSchema(kind));
  for (const step of withSpec(
    kind,
    rest.filter((part) => !/^(\d+|\[\d*\])$/.test(part)),
  )) {
    const parent = itemOf(node);
    const next = stepInto(parent, step);
    if (next === undefined) throw unknownStep(shown.join('.'), step, parent);
    shown.push(step);
    node = followReference(next);
  }
  return { path: shown.join('.'), kind, steps: shown.slice(1), ...describe(node) };
}

function findKind(text: string): Kind {
  const plain = text.toLowerCase().replaceAll('-', '');
  const kind = KINDS.find((candidate) => candidate.toLowerCase() === plain);
  if (kind !== undefined) return kind;
  const meant = suggest(text, KINDS);
  throw new HoldfastError('NotFound', `there is no kind "${text}"`, {
    hint: meant === undefined ? `known are ${KINDS.join(', ')}` : `did you mean "${meant}"?`,
  });
}

/** `policy.backup` is short for `policy.spec.backup`, and `policy.bakup` for a mistake in the same place. */
function withSpec(kind: Kind, steps: string[]): string[] {
  const root = rootSchema(kind);
  const [first] = steps;
  if (first === undefined || stepInto(root, first) !== undefined) return steps;
  return suggest(first, Object.keys(root.properties ?? {})) === undefined ? ['spec', ...steps] : steps;
}

/** Of a list, what its items are; of a choice, its map. */
function itemOf(node: SchemaNode): SchemaNode {
  const followed = objectBranch(followReference(node));
  return followed.type === 'array' && followed.items !== undefined ? itemOf(followed.items) : followed;
}

function unknownStep(path: string, step: string, parent: SchemaNode): HoldfastError {
  const keys = Object.keys(parent.properties ?? {});
  const meant = suggest(step, keys);
  const hint =
    meant !== undefined
      ? `did you mean "${meant}"?`
      : keys.length > 0
        ? `known there: ${keys.join(', ')}`
        : 'it has no keys';
  return new HoldfastError('NotFound', `${path} has no key "${step}"`, { hint });
}

function describe(node: SchemaNode): Omit<Explanation, 'path' | 'kind' | 'steps'> {
  const item = itemOf(node);
  // Free keys, as those of importance, are shown as one.
  const named = typeof item.additionalProperties === 'object' ? { NAME: item.additionalProperties } : item.properties;
  const choices =
    item.maxProperties === 1
      ? Object.keys(item.properties ?? {})
      : item.oneOf?.flatMap(({ required }) => required ?? []);
  const keys = Object.entries(named ?? {})
    .map(([key, child]) => explainKey(key, followReference(child), item))
    .sort((a, b) => Number(b.required) - Number(a.required));
  const values = node.enum ?? (node.const === undefined ? undefined : [node.const]);
  return {
    type: typeName(node),
    description: node.description ?? '',
    ...(node.default === undefined ? {} : { default: node.default }),
    example: exampleOf(node),
    ...(values === undefined ? {} : { values }),
    ...(node.pattern === undefined ? {} : { pattern: node.pattern }),
    keys,
    ...(choices === undefined ? {} : { oneOf: choices }),
    schema: node,
  };
}

function explainKey(key: string, node: SchemaNode, parent: SchemaNode): KeyExplanation {
  return {
    key,
    type: typeName(node),
    required: parent.required?.includes(key) ?? false,
    ...(node.default === undefined ? {} : { default: node.default }),
    description: node.description ?? '',
  };
}

/** What a person would call the type of a value. */
function typeName(node: SchemaNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map((branch) => typeName(followReference(branch))).join(' or ');
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map(String).join(' | ');
  if (node.type === 'array')
    return `list of ${node.items === undefined ? 'anything' : typeName(followReference(node.items))}`;
  if (node.type === 'object') return 'map';
  if (node.type === 'string') return node.title?.toLowerCase() ?? 'text';
  return [node.type ?? 'anything'].flat().join(' or ');
}

/** The first example, else one put together from the keys that are required, or from all when none is. */
function exampleOf(given: SchemaNode): unknown {
  const node = followReference(given);
  if (node.examples !== undefined) return node.examples[0];
  if (node.default !== undefined && typeof node.default !== 'object') return node.default;
  if (node.const !== undefined) return node.const;
  if (node.enum !== undefined) return node.enum[0];
  if (node.type === 'array') return [exampleOf(node.items ?? {})];
  const properties = objectBranch(node).properties;
  if (properties === undefined) return node.default ?? {};
  const required = node.required ?? [];
  const keys = Object.keys(properties).filter((key) => required.includes(key));
  const choice = node.oneOf?.[0]?.required ?? [];
  const chosen =
    keys.length + choice.length > 0 ? [...keys, ...choice] : Object.keys(properties).slice(0, node.maxProperties ?? 3);
  return Object.fromEntries(chosen.map((key) => [key, exampleOf(properties[key] ?? {})]));
}
