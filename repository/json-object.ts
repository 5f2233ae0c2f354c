/** Reads the JSON objects that a repository's files hold: whatever was stored, the outcome is an object or an IntegrityError. */
import { IntegrityError } from '../common/errors.ts';

export type JsonObject = Record<string, unknown>;

/** What any restic writes is a few levels deep; what is far deeper was made to exhaust the stack of whoever walks it. */
const MAX_DEPTH = 100;

/** Throws IntegrityError, which begins with `what`: not JSON, or no object. */
export function parseJsonObject(content: Buffer, what: string, encoding: 'utf8' | 'latin1' = 'utf8'): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(content.toString(encoding));
  } catch (cause) {
    throw new IntegrityError(`${what} is not JSON`, { cause });
  }
  if (!isJsonObject(value)) throw new IntegrityError(`${what} is no JSON object`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the value, which JSON gave, is nested so little that it can be walked and written again. */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
    if (level.length === 0) return true;
  }
  return false;
}

/** Empty for what is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
