/**
 * Older versions of the language: how a document of one becomes one of the next. A conversion changes the parsed nodes,
 * which keep their places in the file, so that errors point into it as it is; and it says which edits do the same to the
 * text, so that `holdfast upgrade` leaves comments and layout alone.
 */
import { isMap, isScalar, type Document as YamlDocument } from 'yaml';
import { CURRENT_VERSION } from './current-version.ts';
import { V1BETA1 } from './version-v1beta1.ts';

/** One stretch of the text, replaced. Edits of one document do not overlap. */
export interface TextEdit {
  from: number;
  to: number;
  text: string;
}

/** What is wrong with a document in its own version. */
export interface VersionProblem {
  from: number;
  to: number;
  message: string;
  hint: string;
}

export interface Conversion {
  edits: TextEdit[];
  problems: VersionProblem[];
}

export interface OlderVersion {
  apiVersion: string;
  /** The version that it becomes: an older one is converted step by step. */
  next: string;
  /** Changes the nodes in place; `text` is the whole file. */
  convert(document: YamlDocument.Parsed, text: string): Conversion;
}

const OLDER: readonly OlderVersion[] = [V1BETA1];

/** All that are read, the current one first. */
export const KNOWN_VERSIONS: readonly string[] = [CURRENT_VERSION, ...OLDER.map(({ apiVersion }) => apiVersion)];

export interface ConvertedDocument extends Conversion {
  /** The version that it was written in. */
  apiVersion: string;
  /** Where that stands. */
  at: { from: number; to: number };
}

/** Makes a document of an older version one of the current one. undefined: it is of no older version, and stays as it is. */
export function convertDocument(document: YamlDocument.Parsed, text: string): ConvertedDocument | undefined {
  const { contents } = document;
  const scalar: unknown = isMap(contents) ? contents.get('apiVersion', true) : undefined;
  if (!isScalar(scalar) || scalar.range == null) return undefined;
  const written = scalar.value;
  const [from, to] = scalar.range;
  let result: ConvertedDocument | undefined;
  for (let version = findOlder(written); version !== undefined; version = findOlder(scalar.value)) {
    const { edits, problems } = version.convert(document, text);
    result ??= { apiVersion: version.apiVersion, at: { from, to }, edits: [], problems: [] };
    result.edits.push(...edits);
    result.problems.push(...problems);
    scalar.value = version.next;
  }
  result?.edits.push({ from, to, text: String(scalar.value) });
  return result;
}

function findOlder(apiVersion: unknown): OlderVersion | undefined {
  return OLDER.find((version) => version.apiVersion === apiVersion);
}
