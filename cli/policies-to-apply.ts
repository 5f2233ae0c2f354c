/** Reads, checks and compiles policies for commands that put them in force: any error in any file stops them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { compile, type CompileResult } from '../domain/compile.ts';
import { findCrossFieldProblems } from '../domain/cross-field-rules.ts';
import { findNotBuilt } from '../domain/not-built.ts';
import { loadPolicies } from '../schemas/load-policies.ts';
import { localPolicyFiles } from '../schemas/local-policy-files.ts';
import { PolicyError, sortProblems, type Problem } from '../schemas/problem.ts';
import type { CliContext } from './command.ts';
import { DEFAULT_POLICY_PATHS } from './compile-policies.ts';
import { stateDirectoryOf } from './state-folder.ts';

export interface PoliciesToApply extends CompileResult {
  /** What was read, absolute. */
  paths: string[];
  warnings: Problem[];
}

/**
 * Throws PolicyError with all errors of all files, or with everything in them that is not built; Usage without
 * policies. Nothing of a policy folder is in force before all of it can be.
 */
export async function compileToApply(
  { directory }: Pick<CliContext, 'directory'>,
  given: readonly string[],
): Promise<PoliciesToApply> {
  const paths = given.length === 0 ? DEFAULT_POLICY_PATHS : given;
  const { documents, names, problems, files } = await loadPolicies(paths, localPolicyFiles(directory));
  const found = sortProblems([...problems, ...findCrossFieldProblems(documents, names)], files);
  refuse('InvalidPolicy', found);
  refuse('NotBuilt', sortProblems(findNotBuilt(documents), files));
  const compiled = compile(documents, {
    stateDirectory: stateDirectoryOf(directory),
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    readScript: (path) => readFileSync(path, 'utf8'),
  });
  refuse('InvalidPolicy', compiled.problems);
  return {
    ...compiled,
    paths: paths.map((path) => resolve(directory, path)),
    warnings: [...found, ...compiled.problems],
  };
}

function refuse(code: 'InvalidPolicy' | 'NotBuilt', problems: Problem[]): void {
  if (problems.some(({ severity }) => severity === 'error')) throw new PolicyError(code, problems);
}
