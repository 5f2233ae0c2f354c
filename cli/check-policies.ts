/** Checks policies completely, for commands that show what is wrong instead of stopping at it. */
import { hash } from 'node:crypto';
import { compile, type CompileResult } from '../domain/compile.ts';
import { findCrossFieldProblems } from '../domain/cross-field-rules.ts';
import { findNotBuilt } from '../domain/not-built.ts';
import { loadPolicies } from '../schemas/load-policies.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import { hasErrors, type Problem, sortProblems } from '../schemas/problem.ts';
import { DEFAULT_POLICY_PATHS } from './compile-policies.ts';
import { localPolicyReader, noteReads, type PolicyReader } from './policy-reader.ts';
import { stateDirectoryOf } from './state-folder.ts';

export interface CheckedPolicies {
  documents: LoadedDocument[];
  /** As shown to people, in order. */
  files: string[];
  /** Errors and warnings, in file order. */
  problems: Problem[];
  /** Parts that validate, but that nothing carries out yet. */
  notBuilt: Problem[];
  /** All that was read, scripts and files of patterns too: absolute, in no order. */
  read: string[];
  /** Absent when there is an error. */
  compiled?: CompileResult;
}

/** `directory` is the absolute current folder. No paths: `policies/`. Throws Usage when there are no policies. */
export async function checkPolicies(
  directory: string,
  given: readonly string[],
  source: PolicyReader = localPolicyReader(directory),
): Promise<CheckedPolicies> {
  const paths = given.length === 0 ? DEFAULT_POLICY_PATHS : given;
  const read = new Set<string>();
  const reader = noteReads(source, read);
  const { documents, misshapen, names, problems, files } = await loadPolicies(paths, reader.files);
  const found = [...problems, ...findCrossFieldProblems(documents, names, misshapen)];
  const notBuilt = sortProblems(findNotBuilt(documents), files);
  if (hasErrors(found)) return { documents, files, problems: sortProblems(found, files), notBuilt, read: [...read] };
  const compiled = compile(documents, {
    stateDirectory: stateDirectoryOf(directory),
    digest: (text) => hash('sha256', text),
    readScript: (path) => reader.readText(path),
  });
  const all = sortProblems([...found, ...compiled.problems], files);
  return { documents, files, problems: all, notBuilt, read: [...read], ...(hasErrors(all) ? {} : { compiled }) };
}
