/** Checks one YAML document against the schema of its kind. */
import { suggest } from '../common/suggest.ts';
import { CURRENT_VERSION } from './current-version.ts';
import type { Kind } from './loaded-document.ts';
import { KNOWN_VERSIONS } from './older-versions.ts';
import type { Problem } from './problem.ts';
import type { Violation } from './explain-violations.ts';
import * as validators from './validators.ts';
import type { YamlPart } from './yaml-source.ts';

const CHECKS = validators as unknown as Record<Kind, { (data: unknown): boolean; errors?: Violation[] | null }>;

export interface ShapeResult {
  /** Absent when the document does not say what it is. */
  kind?: Kind;
  /** `metadata.name`, when it is text. */
  name?: string;
  problems: Problem[];
}

/** The problems of a document's shape; none when `part.data` is a document of the kind. */
export async function checkShape(part: YamlPart): Promise<ShapeResult> {
  const { data } = part;
  const tell = (key: string, code: string, message: string, hint: string): ShapeResult => ({
    problems: [{ ...part.mark([key]), severity: 'error', code, message, hint }],
  });
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return tell(
      '',
      'wrong-type',
      'this is not a document of holdfast',
      `begin with apiVersion: ${CURRENT_VERSION} and kind:`,
    );
  }
  const { apiVersion, kind, metadata } = data as Record<string, unknown>;
  if (apiVersion !== CURRENT_VERSION) {
    const message =
      apiVersion === undefined ? 'the document lacks "apiVersion"' : `unknown apiVersion ${JSON.stringify(apiVersion)}`;
    return tell('apiVersion', 'api-version', message, versionHint(apiVersion));
  }
  const kinds = Object.keys(CHECKS).sort();
  if (typeof kind !== 'string' || !kinds.includes(kind)) {
    const meant = typeof kind === 'string' ? suggest(kind, kinds) : undefined;
    const message = kind === undefined ? 'the document lacks "kind"' : `unknown kind ${JSON.stringify(kind)}`;
    return tell(
      'kind',
      'unknown-kind',
      message,
      meant === undefined ? `known are ${kinds.join(', ')}` : `did you mean "${meant}"?`,
    );
  }
  const known = kind as Kind;
  const name = (metadata as { name?: unknown } | null | undefined)?.name;
  const result: ShapeResult = { kind: known, problems: [], ...(typeof name === 'string' ? { name } : {}) };
  const check = CHECKS[known];
  if (!check(data)) {
    const { explainViolations } = await import('./explain-violations.ts');
    result.problems = explainViolations(known, part, check.errors ?? []);
  }
  return result;
}

/** An older version that is misspelt is meant, if any is. */
function versionHint(apiVersion: unknown): string {
  const meant = typeof apiVersion === 'string' ? suggest(apiVersion, KNOWN_VERSIONS) : undefined;
  return meant === undefined || meant === CURRENT_VERSION
    ? `write apiVersion: ${CURRENT_VERSION}`
    : `did you mean "${meant}"?`;
}
