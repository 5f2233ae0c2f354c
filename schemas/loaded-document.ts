/** One document of a policy file: what it says, and where each part of it stands. */
import type { Mark, Problem } from './problem.ts';
import type { Document } from './types.ts';

/** Keys and list indexes from the document's root. */
export type DocumentPath = readonly (string | number)[];

export type Kind = Document['kind'];

export interface LoadedDocument<T extends Document = Document> {
  kind: T['kind'];
  /** `metadata.name`. */
  name: string;
  /** Has the shape of its schema. */
  content: T;
  /** Absolute folder of the file: relative paths in the document start here. */
  directory: string;
  /** Absolute policy folder the file was found in: with an embedded engine, relative secret files start here. */
  policyFolder: string;
  /**
   * Where a part stands: `value` (default) marks a plain value itself and the key of anything larger, `key` always the
   * key. Of a part that does not exist, the nearest one above it that does.
   */
  mark(path: DocumentPath, part?: 'key' | 'value'): Mark;
  /** The PolicySet that makes this policy; absent: the document is written out. */
  set?: string;
}

/** A document whose shape is wrong somewhere: what it refers to can be checked all the same. */
export interface MisshapenDocument {
  kind: Kind;
  content: unknown;
  mark: LoadedDocument['mark'];
}

/** All documents of a policy folder, and every problem of their shape. */
export interface LoadedPolicies {
  /** Those without an error, in file order. */
  documents: LoadedDocument[];
  /** Those with an error of shape, in file order. */
  misshapen: MisshapenDocument[];
  /** `Kind/name` of all documents that have a name, also of those with errors: what is broken is not missing. */
  names: ReadonlySet<string>;
  /** Errors and warnings, in file order. */
  problems: Problem[];
  /** The files read, as shown, in order. */
  files: string[];
}
