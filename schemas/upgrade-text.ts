/** Rewrites a policy file of an older version of the language: only what differs is touched, so that comments and layout stay. */
import { isDeepStrictEqual } from 'node:util';
import type { Document as YamlDocument } from 'yaml';
import { HoldfastError } from '../common/errors.ts';
import { convertDocument, type TextEdit } from './older-versions.ts';
import { parseDocuments } from './yaml-source.ts';

export interface UpgradedText {
  text: string;
  /** The older versions that were found, each once; none: the text is as it was. */
  versions: string[];
}

/** The text must parse without errors. Throws Usage when it cannot be rewritten so that it means the same. */
export function upgradeText(text: string): UpgradedText {
  const documents = parseDocuments(text) ?? [];
  const converted = documents.map((document) => convertDocument(document, text));
  const versions = [...new Set(converted.flatMap((conversion) => conversion?.apiVersion ?? []))];
  if (versions.length === 0) return { text, versions };
  const wanted = documents.map(toData);
  const candidates = [
    () =>
      applyEdits(
        text,
        converted.flatMap((conversion) => conversion?.edits ?? []),
      ),
    // Spellings that the edits do not know: comments stay, the layout becomes that of the YAML library.
    () => documents.map((document) => document.toString({ lineWidth: 0 })).join(''),
  ];
  for (const candidate of candidates) {
    const rewritten = candidate();
    if (isDeepStrictEqual(readBack(rewritten), wanted)) return { text: rewritten, versions };
  }
  throw new HoldfastError('Usage', `this file of ${versions.join(' and ')} cannot be rewritten`, {
    hint: 'it is read as it is; rewrite it by hand, with fewer aliases and explicit keys',
  });
}

function readBack(text: string): unknown[] | undefined {
  const documents = parseDocuments(text) ?? [];
  return documents.some(({ errors }) => errors.length > 0) ? undefined : documents.map(toData);
}

function toData(document: YamlDocument): unknown {
  return document.toJS({ maxAliasCount: 100 });
}

/** An edit within another one is part of what that replaces. */
function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = '';
  let done = 0;
  for (const { from, to, text: inserted } of edits.toSorted((a, b) => a.from - b.from || b.to - a.to)) {
    if (from < done) continue;
    result += text.slice(done, from) + inserted;
    done = to;
  }
  return result + text.slice(done);
}
