/** Findings: what needs attention without being a failure of the program. */

/** `notice` is worth recording; `warning` and `critical` make a command exit 7 (or 3, for unreadable source files). */
export type Severity = 'notice' | 'warning' | 'critical';

export interface Finding {
  /** Stable, for exceptions and searches: `source/unreadable`, `access/public-read`, `restore/mismatch`, `objective/rpo`. */
  code: string;
  severity: Severity;
  /** What it is about: a path, a repository, an action id. */
  subject: string;
  /** One sentence. */
  message: string;
  /** What to do, as an imperative sentence. */
  hint?: string;
}

/** At most this many findings of one code enter a result; one more then says how many were left out. */
export const MAX_FINDINGS_PER_CODE = 20;
