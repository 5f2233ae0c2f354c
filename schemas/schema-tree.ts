/** The JSON Schemas as data: what each path of the language means. Loaded only to explain, never to check. */
import definitions from './definitions.schema.json' with { type: 'json' };
import location from './location.schema.json' with { type: 'json' };
import policySet from './policy-set.schema.json' with { type: 'json' };
import policy from './policy.schema.json' with { type: 'json' };
import project from './project.schema.json' with { type: 'json' };
import provider from './provider.schema.json' with { type: 'json' };
import repository from './repository.schema.json' with { type: 'json' };
import type { DocumentPath, Kind } from './loaded-document.ts';

/** The keywords that the schemas of holdfast use. */
export interface SchemaNode {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  minProperties?: number;
  maxProperties?: number;
  default?: unknown;
  examples?: unknown[];
  required?: string[];
  properties?: Record<string, SchemaNode>;
  propertyNames?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  dependentRequired?: Record<string, string[]>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
}

const ROOTS: Record<Kind, SchemaNode> = {
  Project: project as SchemaNode,
  Provider: provider as SchemaNode,
  Location: location as SchemaNode,
  Repository: repository as SchemaNode,
  Policy: policy as SchemaNode,
  PolicySet: policySet as SchemaNode,
};

export const KINDS = Object.keys(ROOTS) as Kind[];

/** The schema of a whole document. */
export function rootSchema(kind: Kind): SchemaNode {
  return ROOTS[kind];
}

/** What the kinds share, by name. */
export function sharedDefinitions(): Record<string, SchemaNode> {
  return definitions.$defs as Record<string, SchemaNode>;
}

/** A schema with its reference followed; what stands beside the reference (description, default) wins. */
export function followReference(node: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const name = node.$ref.slice(node.$ref.lastIndexOf('/') + 1);
  const target = sharedDefinitions()[name];
  if (target === undefined) throw new Error(`the schemas refer to ${node.$ref}, which does not exist`);
  const { $ref: _, ...own } = node;
  return { ...followReference(target), ...own };
}

/** The part of a choice that is a map, as `keep` has; the schema itself when it is no choice. */
export function objectBranch(node: SchemaNode): SchemaNode {
  const branch = node.anyOf?.map(followReference).find(({ type }) => type === 'object');
  return branch === undefined ? node : { ...branch, description: node.description, default: node.default };
}

/** The schema of what stands at a path; undefined where the language has nothing. */
export function schemaAt(kind: Kind, path: DocumentPath): SchemaNode | undefined {
  let node: SchemaNode | undefined = ROOTS[kind];
  for (const step of path) {
    if (node === undefined) return undefined;
    node = stepInto(node, step);
  }
  return node === undefined ? undefined : followReference(node);
}

/** One step: a key of a map, or any index of a list. */
export function stepInto(node: SchemaNode, step: string | number): SchemaNode | undefined {
  const followed = objectBranch(followReference(node));
  if (followed.type === 'array') return followed.items;
  const named = Object.hasOwn(followed.properties ?? {}, step) ? followed.properties?.[step] : undefined;
  if (named !== undefined) return named;
  return typeof followed.additionalProperties === 'object' ? followed.additionalProperties : undefined;
}
