/** References of documents whose shape is wrong elsewhere: a misspelt key must not hide a misspelt name. */
import type { DocumentPath, Kind, MisshapenDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import { checkReference } from './reference-rules.ts';

/** Where names stand; `*` is any index of a list. */
const PLACES: Partial<Record<Kind, readonly (readonly [path: string, kind: Kind])[]>> = {
  Project: [['spec.evidence.location', 'Location']],
  Location: [['spec.provider', 'Provider']],
  Repository: [['spec.location', 'Location']],
  Policy: [
    ['spec.source.location', 'Location'],
    ['spec.sync.*.to', 'Location'],
    ['spec.backup.*.to', 'Repository'],
    ['spec.copy.*.from', 'Repository'],
    ['spec.copy.*.to', 'Repository'],
    ['spec.restoreTest.from', 'Repository'],
  ],
};

/** What is no name is an error of shape already. */
const NAME = /^[a-z0-9][-a-z0-9]*$/;

/** What is no text, or not where it should be, is an error of shape and told as such. */
export function findDanglingIn(documents: readonly MisshapenDocument[], names: ReadonlySet<string>): Problem[] {
  return documents.flatMap((document) =>
    (PLACES[document.kind] ?? []).flatMap(([path, kind]) =>
      [...find(document.content, path.split('.'))]
        .filter(({ name }) => NAME.test(name) && !(path === 'spec.restoreTest.from' && name === 'any'))
        .flatMap(({ name, at }) => checkReference({ document, path: at, kind, name }, names)),
    ),
  );
}

function* find(
  value: unknown,
  [key, ...rest]: readonly string[],
  at: DocumentPath = [],
): Generator<{ name: string; at: DocumentPath }> {
  if (key === undefined) {
    if (typeof value === 'string') yield { name: value, at };
  } else if (key === '*') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* find(item, rest, [...at, index]);
  } else if (typeof value === 'object' && value !== null && Object.hasOwn(value, key)) {
    yield* find((value as Record<string, unknown>)[key], rest, [...at, key]);
  }
}
