/** Brings the keys of a document into the order in which the schema explains them. Free keys and unknown ones stay in theirs. */
import type { DocumentPath, Kind } from './loaded-document.ts';
import type { BlockLayout, Entry, FlowLayout, Layout, Trivia } from './layout-tree.ts';
import { followReference, KINDS, objectBranch, rootSchema, type SchemaNode, schemaAt } from './schema-tree.ts';

/** Changes the entries in place; comments go with the key that they stand before. */
export function sortKeys(root: Entry, kind: string): void {
  const known = KINDS.find((candidate) => candidate === kind);
  if (known !== undefined) sortValue(root, rootSchema(known), [], known);
}

function sortValue(
  entry: { key?: string; mid?: Trivia[]; value?: Layout },
  given: SchemaNode | undefined,
  path: DocumentPath,
  kind: Kind,
): void {
  const { value } = entry;
  if (value === undefined || given === undefined || !('entries' in value)) return;
  const node = objectBranch(followReference(given));
  const isList = value.kind === 'flow' ? value.of === 'list' : value.kind === 'list';
  if (isList) {
    for (const item of value.entries) sortValue(item, node.items, [...path, 0], kind);
    return;
  }
  for (const member of value.entries) {
    const key = plainKey(member.key);
    const next = [...path, key];
    sortValue(member, partOf(node, key, next, kind), next, kind);
  }
  const order = Object.keys(node.properties ?? {});
  const rank = ({ key }: { key?: string }): number => {
    const index = order.indexOf(plainKey(key));
    return index < 0 ? order.length : index;
  };
  if (value.kind === 'flow') sortFlow(value, rank);
  else if (value.kind === 'map') sortBlock(entry, value, rank);
}

/** The template of a PolicySet is a Policy. */
function partOf(node: SchemaNode, key: string, path: DocumentPath, kind: Kind): SchemaNode | undefined {
  if (kind === 'PolicySet' && path.length === 3 && path[1] === 'template') return schemaAt('Policy', [key]);
  if (Object.hasOwn(node.properties ?? {}, key)) return node.properties?.[key];
  return typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
}

function sortFlow(flow: FlowLayout, rank: (entry: { key?: string }) => number): void {
  flow.entries = flow.entries.toSorted((a, b) => rank(a) - rank(b));
}

function sortBlock(entry: { mid?: Trivia[] }, block: BlockLayout, rank: (entry: { key?: string }) => number): void {
  const [first] = block.entries;
  const sorted = block.entries.toSorted((a, b) => rank(a) - rank(b));
  // What stands right before the first key goes with it; what a blank line parts from it is about all of them.
  if (first !== undefined && sorted[0] !== first && entry.mid !== undefined && entry.mid.length > 0) {
    const from = entry.mid.findLastIndex((one) => one === 'blank') + 1;
    first.lead = [...entry.mid.splice(from), ...first.lead];
  }
  block.entries = sorted;
}

function plainKey(key: string | undefined): string {
  return key?.replace(/^(["'])(.*)\1$/, '$2') ?? '';
}
