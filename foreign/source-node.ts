/** Parts of another program's configuration, with the place where each was written. */

export type SourceScalar = string | number | boolean | null;

export interface SourceNode {
  /** As it was named by the person. */
  file: string;
  /** From 1. */
  line: number;
  value: SourceScalar | SourceNode[] | ReadonlyMap<string, SourceNode>;
}

export interface SourceMap extends Pick<SourceNode, 'file' | 'line'> {
  value: ReadonlyMap<string, SourceNode>;
}

export function isSourceMap(node: SourceNode | undefined): node is SourceMap {
  return node?.value instanceof Map;
}

export function emptyMap({ file, line }: Pick<SourceNode, 'file' | 'line'>): SourceMap {
  return { file, line, value: new Map() };
}
