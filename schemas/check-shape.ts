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
  const version = findUnknownVersion(part);
  if (version !== undefined) return { problems: [version] };
  const { kind, metadata } = data as Record<string, unknown>;
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

/** What is wrong with the version of a document that was brought to the current one where that could be; undefined: nothing. */
export function findUnknownVersion({ data, mark }: YamlPart): Problem | undefined {
  const { apiVersion } = (data ?? {}) as { apiVersion?: unknown };
  if (apiVersion === CURRENT_VERSION) return undefined;
  const message =
    apiVersion === undefined ? 'the document lacks "apiVersion"' : `unknown apiVersion ${JSON.stringify(apiVersion)}`;
  return { ...mark(['apiVersion']), severity: 'error', code: 'api-version', message, hint: versionHint(apiVersion) };
}

function versionHint(apiVersion: unknown): string {
  if (apiVersion === undefined) return `write apiVersion: ${CURRENT_VERSION}`;
  const meant = typeof apiVersion === 'string' ? suggest(apiVersion, KNOWN_VERSIONS) : undefined;
  const known = `known are ${KNOWN_VERSIONS.join(' and ')}`;
  return meant === undefined ? known : `did you mean "${meant}"? ${known}`;
}
