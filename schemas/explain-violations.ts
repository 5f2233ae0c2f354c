/** Turns what ajv found in one document into problems with a place, one sentence and a remedy. */
import { formHint, typeHint } from './value-hints.ts';
import { suggest } from '../common/suggest.ts';
import { hideSecrets, maySecret, secretMarks } from './hide-secrets.ts';
import type { DocumentPath, Kind } from './loaded-document.ts';
import type { Problem } from './problem.ts';
import { followReference, objectBranch, schemaAt, type SchemaNode, stepInto } from './schema-tree.ts';
import {
  exampleOf,
  firstSentence,
  kindOfType,
  kindOfValue,
  listOf,
  namePath,
  printable,
  show,
  suchAs,
  withArticle,
} from './wording.ts';
import type { YamlPart } from './yaml-source.ts';

/** What ajv reports, as far as it is used here. */
export interface Violation {
  instancePath: string;
  schemaPath: string;
  keyword: string;
  params: Record<string, unknown>;
}

/** Words people bring along from elsewhere, and what they are called here. */
const OTHER_WORDS: Record<string, string> = {
  on: 'subject',
  schedule: 'every',
  interval: 'every',
  timeZone: 'timezone',
  destination: 'to',
  target: 'to',
  paths: 'directories',
  password: 'passwordFrom',
  excludes: 'exclude',
  priority: 'importance',
  tests: 'assert',
};

/** Explained of one document. */
const MOST_VIOLATIONS = 400;

/** The problems of one document, without those that only follow from others. */
export function explainViolations(kind: Kind, part: YamlPart, violations: readonly Violation[]): Problem[] {
  const context = new Explanation(kind, part, violations);
  return hideSecrets(
    secretMarks(part),
    // Nobody corrects more at a time.
    violations.slice(0, MOST_VIOLATIONS).flatMap((violation) => context.explain(violation)),
  );
}

interface Told {
  code: string;
  message: string;
  hint?: string;
  /** Where the mark belongs: the value (default), its key, or a key below it. */
  at?: { path: DocumentPath; part: 'key' | 'value' };
}

class Explanation {
  readonly #kind: Kind;
  readonly #part: YamlPart;
  /** Where and what all violations are, also those beyond what is explained. */
  readonly #found: ReadonlySet<string>;

  constructor(kind: Kind, part: YamlPart, violations: readonly Violation[]) {
    this.#kind = kind;
    this.#part = part;
    this.#found = new Set(violations.map(({ keyword, instancePath }) => `${keyword} ${instancePath}`));
  }

  explain(violation: Violation): Problem[] {
    const path = parsePointer(violation.instancePath, this.#part.data);
    const found = valueAt(this.#part.data, path);
    const value = found !== null && maySecret(path, found) ? '***' : found;
    const told = this.#tell(violation, path, value);
    if (told === undefined) return [];
    const at = told.at ?? { path, part: 'value' };
    const { code, message, hint } = told;
    return [
      {
        ...this.#part.mark(at.path, at.part),
        severity: 'error',
        code,
        message,
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  }

  #tell(violation: Violation, path: DocumentPath, value: unknown): Told | undefined {
    // Choices between keys, and between a word and a map, are told once, as a whole.
    const branch = /\/(oneOf|anyOf)\/\d+\//.test(violation.schemaPath);
    const choice = this.#hasViolation(violation.instancePath, 'anyOf');
    if (violation.keyword === 'anyOf')
      return isObject(value) && objectBranch(this.#schema(path)).type === 'object'
        ? undefined
        : tellChoice(this.#schema(path), path, value);
    if (branch || (choice && (violation.keyword === 'type' || violation.keyword === 'const'))) return undefined;
    switch (violation.keyword) {
      case 'additionalProperties':
        return this.#tellUnknownKey(path, String(violation.params['additionalProperty']));
      case 'required':
        return this.#tellMissing(path, String(violation.params['missingProperty']));
      case 'oneOf':
      case 'minProperties':
      case 'maxProperties':
        return this.#tellExactlyOne(path, value);
      case 'dependentRequired':
        // Where a choice is open, the choice is told; what hangs on it is not.
        return this.#hasViolation(violation.instancePath, 'oneOf')
          ? undefined
          : tellDependent(path, String(violation.params['property']), String(violation.params['missingProperty']));
      case 'propertyNames':
        return tellName(path, String(violation.params['propertyName']));
      case 'pattern':
        // The name of a property is reported by `propertyNames`, at its place.
        return this.#hasViolation(violation.instancePath, 'propertyNames')
          ? undefined
          : tellForm(this.#schema(path), value);
      case 'type':
        return tellType(this.#schema(path), path, value, this.#written(path));
      case 'enum':
      case 'const':
        return tellWord(this.#schema(path), value);
      default:
        return tellBound(violation.keyword, violation.params['limit'], value);
    }
  }

  /** A value as the file has it: 0755 is the number 755. */
  #written(path: DocumentPath): string {
    const { sourceLine, column, length } = this.#part.mark(path, 'value');
    return sourceLine.slice(column - 1, column - 1 + length);
  }

  #hasViolation(instancePath: string, keyword: string): boolean {
    return this.#found.has(`${keyword} ${instancePath}`);
  }

  #schema(path: DocumentPath): SchemaNode {
    return schemaAt(this.#kind, path) ?? {};
  }

  #keysAt(path: DocumentPath): string[] {
    return Object.keys(objectBranch(this.#schema(path)).properties ?? {});
  }

  #tellUnknownKey(path: DocumentPath, key: string): Told {
    const keys = this.#keysAt(path);
    const meant = this.#meantKey(path, key);
    if (key === '<<')
      return {
        code: 'unknown-key',
        message: 'there are no merge keys (<<) in YAML 1.2',
        hint: 'write the keys themselves, or make the policies by a PolicySet',
        at: { path: [...path, key], part: 'key' },
      };
    const elsewhere = meant === undefined ? findKey(this.#kind, key) : undefined;
    const hint =
      meant !== undefined
        ? `did you mean "${meant}"?`
        : elsewhere !== undefined
          ? `it belongs in ${elsewhere}`
          : `known here: ${keys.join(', ')}`;
    return {
      code: 'unknown-key',
      message: `unknown key "${printable(key)}"`,
      hint,
      at: { path: [...path, key], part: 'key' },
    };
  }

  /** The known key that an unknown one most likely stands for; one that is not there yet is likelier. */
  #meantKey(path: DocumentPath, key: string): string | undefined {
    const keys = this.#keysAt(path);
    const other = OTHER_WORDS[key];
    if (other !== undefined && keys.includes(other)) return other;
    const value = valueAt(this.#part.data, path);
    const unused = keys.filter((candidate) => !isObject(value) || !Object.hasOwn(value, candidate));
    return suggest(key, unused) ?? suggest(key, keys);
  }

  #tellMissing(path: DocumentPath, key: string): Told | undefined {
    const given = valueAt(this.#part.data, path);
    // What a merge key would bring may be what is missing.
    if (this.#misspelt(path, [key]) || (isObject(given) && Object.hasOwn(given, '<<'))) return undefined;
    const schema = schemaAt(this.#kind, [...path, key]);
    const what = firstSentence(schema?.description);
    return {
      code: 'missing-key',
      message: `${namePath(path)} lacks "${key}"`,
      hint: `add ${key}:${exampleOf(schema)}${what === '' ? '' : ` (${what})`}`,
      at: { path, part: 'key' },
    };
  }

  /** One of several keys, whichever way the schema says it. */
  #tellExactlyOne(path: DocumentPath, value: unknown): Told | undefined {
    // What is no map at all is told as that.
    if (!isObject(value)) return undefined;
    const schema = objectBranch(this.#schema(path));
    const choices = schema.oneOf?.flatMap(({ required }) => required ?? []) ?? Object.keys(schema.properties ?? {});
    const present = choices.filter((key) => Object.hasOwn(value, key));
    if (present.length <= 1 && schema.oneOf === undefined && schema.maxProperties !== 1) {
      return {
        code: 'empty',
        message: `${namePath(path)} is empty`,
        hint: choices.length === 0 ? 'add an entry' : `known here: ${choices.join(', ')}`,
        at: { path, part: 'key' },
      };
    }
    if (present.length === 0) {
      if (this.#misspelt(path, choices)) return undefined;
      return {
        code: 'missing-choice',
        message: `${namePath(path)} needs exactly one of ${listOf(choices)}`,
        hint: `add one of them`,
        at: { path, part: 'key' },
      };
    }
    const [first, second] = present;
    // A single known key beside unknown ones: those are told already.
    if (second === undefined) return undefined;
    return {
      code: 'several-choices',
      message: `${namePath(path)} has ${listOf(present)}, but only one of them is possible`,
      hint: `keep either ${first} or ${second}`,
      at: { path: [...path, second], part: 'key' },
    };
  }

  /** Whether one of the keys is there in a wrong spelling, which is told on its own. */
  #misspelt(path: DocumentPath, keys: string[]): boolean {
    const value = valueAt(this.#part.data, path);
    const known = this.#keysAt(path);
    const unknown = isObject(value) ? Object.keys(value).filter((key) => !known.includes(key)) : [];
    return unknown.slice(0, MOST_VIOLATIONS).some((key) => keys.includes(this.#meantKey(path, key) ?? ''));
  }
}

function tellChoice(schema: SchemaNode, path: DocumentPath, value: unknown): Told {
  const choices = (schema.anyOf ?? [])
    .map(followReference)
    .map((branch) => (branch.const === undefined ? kindOfType(branch.type) : `the word ${String(branch.const)}`));
  const words = (schema.anyOf ?? []).flatMap((branch) => (branch.const === undefined ? [] : [String(branch.const)]));
  const meant = typeof value === 'string' ? suggest(value, words) : undefined;
  return {
    code: 'wrong-value',
    message: `${show(value)} is not possible for ${namePath(path)}`,
    hint: meant === undefined ? `write ${choices.join(' or ')}` : `did you mean "${meant}"?`,
  };
}

function tellDependent(path: DocumentPath, key: string, missing: string): Told {
  return {
    code: 'needs-other-key',
    message: `"${key}" makes no sense without "${missing}"`,
    hint: `add ${missing}, or remove ${key}`,
    at: { path: [...path, key], part: 'key' },
  };
}

function tellName(path: DocumentPath, name: string): Told {
  return {
    code: 'wrong-form',
    message: `"${printable(name)}" is not a name`,
    hint: 'use lower-case letters, digits and hyphens',
    at: { path: [...path, name], part: 'key' },
  };
}

function tellForm(schema: SchemaNode, value: unknown): Told {
  const title = schema.title ?? 'value';
  if (typeof value === 'string' && value.trim() === '')
    return {
      code: 'empty',
      message: `this ${title.toLowerCase()} is empty`,
      hint: `write one${suchAs(schema)}, or remove the key`,
    };
  return {
    code: 'wrong-form',
    message: `${show(value)} is not ${withArticle(title)}`,
    hint: formHint(schema, title, String(value)),
  };
}

function tellType(schema: SchemaNode, path: DocumentPath, value: unknown, written: string): Told {
  const wanted = kindOfType(schema.type);
  const key = path.at(-1);
  const message =
    value === null
      ? `${namePath(path)} has no value`
      : `${namePath(path)} must be ${wanted}, not ${kindOfValue(value)}`;
  return { code: 'wrong-type', message, hint: typeHint(schema, key, value, written) };
}

function tellWord(schema: SchemaNode, value: unknown): Told {
  const words = (schema.const === undefined ? (schema.enum ?? []) : [schema.const]).map(String);
  const meant = typeof value === 'string' ? suggest(value, words) : undefined;
  const hint =
    meant === undefined
      ? `write ${words.length === 1 ? words[0] : `one of ${words.join(', ')}`}`
      : `did you mean "${meant}"?`;
  return { code: 'wrong-value', message: `${show(value)} is not possible here`, hint };
}

function tellBound(keyword: string, limit: unknown, value: unknown): Told {
  if (keyword === 'minItems')
    return { code: 'empty', message: 'this list is empty', hint: 'add an item, or remove the key' };
  const least = keyword === 'minimum';
  return {
    code: 'out-of-range',
    message: `${show(value)} is too ${least ? 'small' : 'large'}`,
    hint: `write a number of ${String(limit)} or ${least ? 'more' : 'less'}`,
  };
}

/** Where each key of a kind stands, as far as it is looked for. */
const PLACES = new Map<Kind, Map<string, string[]>>();

/** Where else in the language a key of this name exists, when it is one place only. */
function findKey(kind: Kind, key: string): string | undefined {
  const places = PLACES.get(kind) ?? placesOfKeys(kind);
  PLACES.set(kind, places);
  const [found, second] = places.get(key) ?? [];
  return second === undefined && found !== '' ? found : undefined;
}

function placesOfKeys(kind: Kind): Map<string, string[]> {
  const places = new Map<string, string[]>();
  const visit = (node: SchemaNode | undefined, path: string[]): void => {
    if (node === undefined || path.length > 4) return;
    const followed = objectBranch(followReference(node));
    for (const name of Object.keys(followed.properties ?? {})) {
      places.set(name, [...(places.get(name) ?? []), path.join('.')]);
      visit(stepInto(followed, name), [...path, name]);
    }
    if (followed.type === 'array') visit(followed.items, path);
  };
  visit(schemaAt(kind, []), []);
  return places;
}

/** A JSON pointer as a path; indexes of lists become numbers. */
function parsePointer(pointer: string, data: unknown): DocumentPath {
  const path: (string | number)[] = [];
  let value = data;
  for (const part of pointer.split('/').slice(1)) {
    const step = part.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(step) : step);
    value = valueAt(value, [step]);
  }
  return path;
}

function valueAt(data: unknown, path: DocumentPath): unknown {
  let value = data;
  for (const step of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined;
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
