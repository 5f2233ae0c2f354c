/** Loads and compiles policies for commands that only look something up in them: where a repository or the evidence is. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NotFoundError } from '../common/errors.ts';
import { hintOfNames } from '../common/suggest.ts';
import { compile, type CompileResult } from '../domain/compile.ts';
import { loadPolicies } from '../schemas/load-policies.ts';
import { localPolicyFiles } from '../schemas/local-policy-files.ts';
import { mergeAlike, PolicyError, type Problem } from '../schemas/problem.ts';
import type { CliContext } from './command.ts';
import { count } from './display.ts';
import { stateDirectoryOf } from './state-folder.ts';

export const DEFAULT_POLICY_PATHS: readonly string[] = ['policies'];

export interface LookedUpPolicies extends CompileResult {
  /** All errors of the files; what is right in them is compiled all the same. */
  problems: Problem[];
  /** `Kind/name` of documents that have errors. */
  broken: ReadonlySet<string>;
}

/**
 * A misspelt key in one policy must not keep anyone from restoring another: errors are told in a line on stderr, and only
 * those of the document that is needed matter (`refuseBroken`). No paths: `policies/`.
 */
export async function compilePolicies(context: CliContext, paths: readonly string[]): Promise<LookedUpPolicies> {
  const given = paths.length === 0 ? DEFAULT_POLICY_PATHS : paths;
  const loaded = await loadPolicies(given, localPolicyFiles(context.directory));
  const result = compile(loaded.documents, {
    stateDirectory: stateDirectoryOf(context.directory),
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    readScript: (path) => readFileSync(path, 'utf8'),
  });
  const problems = mergeAlike(loaded.problems.filter(({ severity }) => severity === 'error'));
  if (problems.length > 0)
    context.output.warn(`the policies have ${count(problems.length, 'error')}; holdfast validate shows them`);
  const sound = new Set(loaded.documents.map(({ kind, name }) => `${kind}/${name}`));
  return { ...result, problems, broken: new Set([...loaded.names].filter((name) => !sound.has(name))) };
}

/** Throws InvalidPolicy, with all problems, when a document of these kinds is broken: what it says cannot be known. */
export function refuseBroken(policies: LookedUpPolicies, isNeeded: (kindAndName: string) => boolean): void {
  if ([...policies.broken].some(isNeeded)) throw new PolicyError('InvalidPolicy', policies.problems);
}

/** Throws NotFound with the names there are. */
export function notInPolicies(kind: string, name: string, known: readonly string[]): NotFoundError {
  const hint = known.length === 0 ? `the policies have no ${kind}` : hintOfNames(name, known);
  return new NotFoundError(`no ${kind} of the policies is named "${name}"`, { hint });
}
