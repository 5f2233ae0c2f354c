/** Decides whether policies that no commit holds may be applied. */
import { HoldfastError } from '../common/errors.ts';
import type { PolicyCommit } from '../domain/action.ts';
import type { CliContext } from './command.ts';
import { readPolicySource, type PolicySource } from './git.ts';

const MAX_NAMED = 5;

/**
 * The commit to record. Every run names the commit it obeyed, so that files which no commit holds are refused
 * (GuardRefused); `tolerate` applies them with a notice, and they are recorded as dirty.
 */
export async function requireCommit(
  { directory, environment, output }: CliContext,
  paths: readonly string[],
  files: readonly string[],
  tolerate: boolean,
): Promise<PolicyCommit> {
  const source = await readPolicySource(paths, directory, environment, files);
  const problem = problemOf(source);
  if (problem === undefined) return source.commit;
  if (!tolerate)
    throw new HoldfastError('GuardRefused', problem, {
      hint: 'commit the policies, so that every run names the commit it obeyed; or give --allow-dirty',
    });
  output.warn(`${problem}; the records will say so`);
  return source.commit;
}

function problemOf({ outside, uncommitted }: PolicySource): string | undefined {
  if (outside !== undefined) return `the policies are in no commit: ${outside}`;
  if (uncommitted.length === 0) return undefined;
  const named = uncommitted.slice(0, MAX_NAMED).join(', ');
  const more = uncommitted.length > MAX_NAMED ? ` and ${uncommitted.length - MAX_NAMED} more` : '';
  return `the policies have uncommitted changes: ${named}${more}`;
}
