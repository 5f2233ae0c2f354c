/** All rules that no schema can say: what one part of the documents demands of another. */
import type { LoadedDocument, MisshapenDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import { findIdentityProblems } from './identity-rules.ts';
import { findPlaceProblems } from './place-rules.ts';
import { findDanglingIn } from './misshapen-references.ts';
import { indexDocuments } from './policy-folder.ts';
import { findProtectionProblems } from './protection-rules.ts';
import { findProviderProblems } from './provider-rules.ts';
import { findReferenceProblems, isProjectBroken } from './reference-rules.ts';
import { findTimeProblems } from './time-rules.ts';

/**
 * Errors and warnings about documents whose shape is right. `names` holds `Kind/name` of all documents, also of those
 * left out for an error: a reference to one of them is not a reference to nothing. Of `misshapen` ones the references
 * are checked, so that all errors are told at once. Without a clock: a date that has
 * passed is no error.
 */
export function findCrossFieldProblems(
  documents: readonly LoadedDocument[],
  names: ReadonlySet<string>,
  misshapen: readonly MisshapenDocument[],
): Problem[] {
  const timeProblems = findTimeProblems(documents);
  const folder = indexDocuments(documents);
  const problems = [
    ...timeProblems,
    ...findReferenceProblems(folder, names),
    ...findIdentityProblems(folder),
    ...findDanglingIn(misshapen, names),
  ];
  // The other rules compute with times and classes: they wait until those can be read.
  if (timeProblems.some(({ severity }) => severity === 'error') || isProjectBroken(folder, names)) return problems;
  return [
    ...problems,
    ...findPlaceProblems(folder),
    ...findProtectionProblems(folder),
    ...findProviderProblems(folder),
  ];
}
