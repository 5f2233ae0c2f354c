/** Policies for commands that put them in force: any error in any file stops them. */
import { resolve } from 'node:path';
import type { CompileResult } from '../domain/compile.ts';
import { indexDocuments, policyNames } from '../domain/policy-folder.ts';
import { PolicyError, type Problem } from '../schemas/problem.ts';
import { checkPolicies } from './check-policies.ts';
import type { CliContext } from './command.ts';
import { DEFAULT_POLICY_PATHS } from './compile-policies.ts';
import type { PolicyReader } from './policy-reader.ts';

export interface PoliciesToApply extends CompileResult {
  /** Where policies were looked for, absolute. */
  paths: string[];
  /** All files that were read, absolute. */
  read: string[];
  /** Of all policies, present and former ones. */
  policyNames: ReadonlySet<string>;
  warnings: Problem[];
}

/**
 * Throws PolicyError with all errors of all files, or with everything in them that is not built; Usage without
 * policies. Nothing of a policy folder is in force before all of it can be.
 */
export async function compileToApply(
  { directory }: Pick<CliContext, 'directory'>,
  given: readonly string[],
  reader?: PolicyReader,
): Promise<PoliciesToApply> {
  const { compiled, documents, problems, notBuilt, read } = await checkPolicies(directory, given, reader);
  if (compiled === undefined) throw new PolicyError('InvalidPolicy', problems);
  if (notBuilt.length > 0) throw new PolicyError('NotBuilt', notBuilt);
  const paths = given.length === 0 ? DEFAULT_POLICY_PATHS : given;
  return {
    ...compiled,
    policyNames: policyNames(indexDocuments(documents)),
    paths: paths.map((path) => resolve(directory, path)),
    read,
    warnings: problems,
  };
}
