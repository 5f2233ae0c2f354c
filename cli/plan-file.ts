/** Saved plans: what `plan --out FILE` writes, and `apply FILE` carries out exactly. They hold no secret. */
import { open, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { PlanBasis } from '../domain/plan-basis.ts';
import { whatMoved } from '../domain/plan-basis.ts';

const FORMAT = 'holdfast-plan/1';

export interface SavedPlan {
  format: typeof FORMAT;
  plannedAt: string;
  plannedBy: string;
  /** Of the policies, as given; none: `policies/`. */
  paths: string[];
  /** The hash of the commit that they were read from; absent: from the work tree. */
  ref?: string;
  basis: PlanBasis;
  plan: Plan;
}

/** Only the account that plans reads it: it names folders, hosts and people. Replaces what is there. */
export async function savePlan(path: string, saved: Omit<SavedPlan, 'format'>): Promise<void> {
  const content = `${JSON.stringify({ format: FORMAT, ...saved }, undefined, 2)}\n`;
  try {
    await writeFile(path, content, { mode: 0o600 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HoldfastError('Usage', `the plan cannot be written to ${path} (${code})`, {
      hint: 'name a file in a folder that exists and may be written to',
      cause: error,
    });
  }
}

/** The saved plan that the paths name: undefined when they are not one file that is one. Throws Usage for one that is damaged. */
export async function readSavedPlan(directory: string, paths: readonly string[]): Promise<SavedPlan | undefined> {
  const [path] = paths;
  if (path === undefined || paths.length > 1 || !(await beginsAsPlan(resolve(directory, path)))) return undefined;
  try {
    return JSON.parse(await readFile(resolve(directory, path), 'utf8')) as SavedPlan;
  } catch (error) {
    throw new HoldfastError('Usage', `${path} is a saved plan, but it is damaged`, {
      hint: 'plan again: holdfast plan --out FILE',
      cause: error,
    });
  }
}

/** As `savePlan` writes it: policies are YAML, of which none begins like this. */
async function beginsAsPlan(path: string): Promise<boolean> {
  const beginning = `{\n  "format": "${FORMAT}"`;
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(beginning.length), 0, beginning.length, 0);
      return buffer.toString('utf8', 0, bytesRead) === beginning;
    } finally {
      await file.close();
    }
  } catch {
    // A folder, or nothing: whoever reads policies says so.
    return false;
  }
}

/** Throws GuardRefused when the plan is not the one that would be made now. */
export function requireUnmoved({ basis, plannedAt }: SavedPlan, now: PlanBasis): void {
  const moved = whatMoved(basis, now);
  if (moved.length === 0) return;
  const subjects = moved.length === 1 ? moved[0]! : `${moved.slice(0, -1).join(', ')} and ${moved.at(-1)!}`;
  throw new HoldfastError(
    'GuardRefused',
    `since the plan was made (${plannedAt}), something has changed: ${subjects}`,
    {
      hint: 'plan again, and look at what is different: holdfast plan --out FILE',
    },
  );
}
