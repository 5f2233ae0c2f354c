/** What the Temporal UI shows of a run that has ended: a few lines of Markdown for the person who looks there. */
import type { RunRecord } from '../domain/run-record.ts';

/** Findings beyond this number are counted, not listed: the record has them all. */
const FINDINGS_SHOWN = 10;

/** Outcome, figures and findings, as Markdown. */
export function describeOutcome(record: RunRecord): string {
  const lines = [`**${record.outcome}**${record.error === undefined ? '' : `: ${record.error.message}`}`];
  if (record.error?.hint !== undefined) lines.push(`What to do: ${record.error.hint}`);
  if (record.missedBefore !== undefined)
    lines.push(
      `- the run of ${record.scheduledAt}; ${record.missedBefore.slots} before it were missed since ${record.missedBefore.oldestAt}`,
    );
  for (const [name, value] of Object.entries(record.figures ?? {}))
    if (name !== 'kind' && typeof value !== 'object') lines.push(`- ${name}: ${value}`);
  if (record.snapshot !== undefined)
    lines.push(`- snapshot: ${record.snapshot.snapshotId} in ${record.snapshot.repository}`);
  for (const finding of record.findings.slice(0, FINDINGS_SHOWN))
    lines.push(`- ${finding.severity} ${finding.code}, ${finding.subject}: ${finding.message}`);
  const left = record.findings.length - FINDINGS_SHOWN;
  if (left > 0) lines.push(`- and ${left} more findings`);
  return lines.join('\n');
}
