/** Findings for people, and the exit status they ask for. */
import type { Finding } from '../domain/finding.ts';
import type { Output } from './command.ts';
import { displayMessage } from './display.ts';
import { ExitStatus, mergeStatuses } from './exit-status.ts';

/** Each on a line, with what to do about it below; on stderr. */
export function tellFindings(output: Output, findings: readonly Finding[]): void {
  for (const { severity, subject, message, hint } of findings) {
    const about = message.includes(subject) ? '' : `${displayMessage(subject)}: `;
    const text = `${about}${displayMessage(message)}${hint === undefined ? '' : `\n  → ${displayMessage(hint)}`}`;
    if (severity === 'notice') output.note(`notice: ${text}`);
    else output.warn(text, severity);
  }
}

/** What of a restore is not what the snapshot says; the others are about the folder it goes to. */
const DAMAGED_RESTORES: ReadonlySet<string> = new Set(['restore/damaged', 'restore/mismatch', 'restore/invalid']);

/** A finding's code says what it is about; notices ask for nothing. */
export function statusOfFindings(findings: readonly Finding[]): ExitStatus {
  const statuses = findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => statusOfFinding(code));
  return mergeStatuses(statuses);
}

function statusOfFinding(code: string): ExitStatus {
  if (code === 'source/unreadable') return ExitStatus.unreadableSource;
  if (code === 'restore/denied') return ExitStatus.accessDenied;
  if (code.startsWith('repository/') || DAMAGED_RESTORES.has(code)) return ExitStatus.integrity;
  return ExitStatus.needsAttention;
}
