/** Keeps secrets that someone wrote into a policy by mistake out of the problems shown about it. */
import type { DocumentPath } from './loaded-document.ts';
import type { Mark } from './problem.ts';
import type { YamlPart } from './yaml-source.ts';

const REFERENCE_KEY = /From$/;
const SECRET_KEY =
  /^(password|passphrase|secret|token|salt|api[-_]?key|private[-_]?key|signing[-_]?key|credentials?|webhook)$/i;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Whether what stands at a path may be a secret: the value of such a key, or what a reference holds besides a reference. */
export function maySecret(path: DocumentPath, value: unknown): boolean {
  const key = String(path.at(-1) ?? '');
  if (typeof value === 'object' && value !== null) return false;
  if (SECRET_KEY.test(key) || REFERENCE_KEY.test(key)) return true;
  if (!path.slice(0, -1).some((step) => REFERENCE_KEY.test(String(step)))) return false;
  if (key === 'env') return typeof value !== 'string' || !VARIABLE_NAME.test(value);
  return key !== 'file' && !path.includes('command');
}

/** Where such values stand. */
export function secretMarks(part: YamlPart): Mark[] {
  return [...secretPaths(part.data, [])].map((path) => part.mark(path, 'value'));
}

/** The problems, or marks, with stars in place of such values, wherever a problem shows their line. */
export function hideSecrets<Shown extends Mark>(secrets: readonly Mark[], problems: readonly Shown[]): Shown[] {
  if (secrets.length === 0) return [...problems];
  const byLine = Map.groupBy(secrets, ({ line }) => line);
  const hidden = new Map<number, { before: string; after: string }>();
  return problems.map((problem) => {
    const { line, sourceLine } = problem;
    const there = byLine.get(line);
    if (there === undefined) return problem;
    const known = hidden.get(line);
    const after = known?.before === sourceLine ? known.after : withStars(sourceLine, there);
    hidden.set(line, { before: sourceLine, after });
    return after === sourceLine ? problem : { ...problem, sourceLine: after };
  });
}

function withStars(text: string, secrets: readonly Mark[]): string {
  let shown = '';
  let done = 0;
  for (const { column, length } of secrets.toSorted((a, b) => a.column - b.column)) {
    const from = Math.max(done, column - 1);
    const end = Math.max(from, column - 1 + length);
    shown += text.slice(done, from) + '*'.repeat(end - from);
    done = end;
  }
  return shown + text.slice(done);
}

function* secretPaths(value: unknown, path: DocumentPath): Generator<DocumentPath> {
  if (typeof value !== 'object' || value === null) {
    if (value !== null && maySecret(path, value)) yield path;
    return;
  }
  const members: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, member] of members) yield* secretPaths(member, [...path, key]);
}
