/** Lists of findings in bounded size: the first of each code, and one that says how many more there were. */
import { MAX_FINDINGS_PER_CODE, type Finding, type Severity } from './finding.ts';

export interface FindingList {
  add(finding: Finding): void;
  /** In the order added, each code's overflow after all of them. */
  all(): Finding[];
  /** How many were added of this code, those left out included. */
  count(code: string): number;
}

const RANK: Record<Severity, number> = { notice: 0, warning: 1, critical: 2 };
/** Longer messages and subjects (a path may have 4,096 bytes, and four times as many when escaped) are cut. */
const MAX_TEXT = 1000;

/** Keeps at most `limit` findings of each code, and counts the rest with the worst severity seen among them. */
export function createFindingList(limit = MAX_FINDINGS_PER_CODE): FindingList {
  const kept: Finding[] = [];
  const codes = new Map<string, { count: number; worstLeftOut: Severity }>();
  return {
    add(finding) {
      const code = codes.get(finding.code) ?? { count: 0, worstLeftOut: 'notice' as Severity };
      codes.set(finding.code, code);
      code.count++;
      if (code.count <= limit) kept.push(shorten(finding));
      else if (RANK[finding.severity] > RANK[code.worstLeftOut]) code.worstLeftOut = finding.severity;
    },
    all() {
      const overflow = [...codes]
        .filter(([, { count }]) => count > limit)
        .map(([code, { count, worstLeftOut }]): Finding => {
          const more = count - limit;
          return {
            code,
            severity: worstLeftOut,
            subject: `${more} more`,
            message: `${more} more findings of this kind are not listed`,
          };
        });
      return [...kept, ...overflow];
    },
    count: (code) => codes.get(code)?.count ?? 0,
  };
}

/** A list that was made elsewhere, in bounded size. */
export function limitFindings(findings: Iterable<Finding>, limit = MAX_FINDINGS_PER_CODE): Finding[] {
  const list = createFindingList(limit);
  for (const finding of findings) list.add(finding);
  return list.all();
}

/** Whether a person has to look: anything above a notice. */
export function needsAttention(finding: Finding): boolean {
  return finding.severity !== 'notice';
}

function shorten(finding: Finding): Finding {
  return { ...finding, subject: cut(finding.subject), message: cut(finding.message) };
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}
