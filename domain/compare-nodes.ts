/** What became of an entry between two snapshots, in restic's letters. */

/** The members that decide; those of a tree's node that are named here mean what they mean there. */
export interface ComparedNode {
  type: string;
  content: readonly string[] | null;
}

/** `T`: the type, `M`: the content of a file, `U`: metadata alone; `TU` is a new type with other metadata. Empty: nothing. */
export type Modifier = '' | 'T' | 'M' | 'U' | 'TU';

/**
 * As restic's `diff`. A file whose content changed is not told to have other metadata too.
 *
 * @param metadataOf All that metadata is, in one comparable text; absent: metadata is not compared.
 */
export function compareNodes<Node extends ComparedNode>(
  before: Node,
  after: Node,
  metadataOf?: (node: Node) => string,
): Modifier {
  const type = before.type === after.type ? '' : 'T';
  if (before.type === 'file' && after.type === 'file' && !sameContent(before.content, after.content)) return 'M';
  const metadata = metadataOf !== undefined && metadataOf(before) !== metadataOf(after) ? 'U' : '';
  return `${type}${metadata}`;
}

function sameContent(before: readonly string[] | null, after: readonly string[] | null): boolean {
  const [a, b] = [before ?? [], after ?? []];
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

/** Counts of entries that came or went. */
export interface EntryCounts {
  files: number;
  dirs: number;
  others: number;
}

export function countEntry(counts: EntryCounts, type: string): void {
  if (type === 'file') counts.files++;
  else if (type === 'dir') counts.dirs++;
  else counts.others++;
}
