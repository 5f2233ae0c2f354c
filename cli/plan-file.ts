/** Saved plans: what `plan --out FILE` writes, and `apply FILE` carries out exactly. They hold no secret. */
import { hash } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { canonicalJson } from '../common/canonical-json.ts';
import { HoldfastError } from '../common/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { PlanBasis } from '../domain/plan-basis.ts';
import { whatMoved } from '../domain/plan-basis.ts';

const FORMAT = 'holdfast-plan/1';
/** Also after another program laid it out anew. */
const FORMAT_LINE = /"format"\s*:\s*"holdfast-plan\//;
const BEGINNING_BYTES = 64 * 1024;

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
  const plan: SavedPlan = { format: FORMAT, ...saved };
  const content = `${JSON.stringify({ ...plan, sha256: digestOf(plan) }, undefined, 2)}\n`;
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

/** The saved plan that the paths name: undefined when they are policies. Throws Usage for one file that is neither, or is damaged. */
export async function readSavedPlan(directory: string, paths: readonly string[]): Promise<SavedPlan | undefined> {
  const [path] = paths;
  if (path === undefined || paths.length > 1) return undefined;
  const beginning = await readBeginning(resolve(directory, path));
  if (beginning === undefined) return undefined;
  const isPlan = FORMAT_LINE.test(beginning);
  if (!isPlan && (/\.ya?ml$/.test(path) || beginning.includes('apiVersion'))) return undefined;
  const hint = `plan again: holdfast plan --out ${path}`;
  if (!isPlan) throw new HoldfastError('Usage', `${path} is neither a saved plan nor a file of policies`, { hint });
  const saved = parsePlan(await readFile(resolve(directory, path), 'utf8'));
  if (saved === undefined)
    throw new HoldfastError('Usage', `${path} is a saved plan, but it is damaged or was edited`, { hint });
  if (saved.format !== FORMAT)
    throw new HoldfastError('Usage', `${path} was saved by another version of holdfast (${saved.format})`, { hint });
  return saved;
}

/** undefined for a folder, or nothing: whoever reads policies says so. */
async function readBeginning(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING_BYTES), 0, BEGINNING_BYTES, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** undefined when it is not as it was written. */
function parsePlan(text: string): SavedPlan | undefined {
  try {
    const { sha256, ...saved } = JSON.parse(text) as SavedPlan & { sha256: unknown };
    // One of another version may be summed up in another way.
    return saved.format !== FORMAT || sha256 === digestOf(saved) ? saved : undefined;
  } catch {
    return undefined;
  }
}

function digestOf(saved: SavedPlan): string {
  return hash('sha256', canonicalJson(saved));
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
