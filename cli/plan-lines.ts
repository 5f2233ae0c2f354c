/** What a sync would do, by file with reasons: the plan of a dry run. */
import { MAX_PLANNED_DECISIONS, type RunRecord } from '../domain/run-record.ts';
import type { Style } from './command.ts';
import { displayMessage } from './display.ts';

/** `  replace  ledger.csv  size 4 → 5`; nothing of any other run. */
export function planLines({ dryRun, figures }: RunRecord, style: Style): string[] {
  if (!dryRun || figures?.kind !== 'sync' || figures.decisions === undefined) return [];
  const { decisions } = figures;
  const width = Math.max(0, ...decisions.map(({ step }) => step.length));
  const lines = decisions.map(
    ({ step, path, reason }) =>
      `  ${step.padEnd(width)}  ${displayMessage(path)}  ${style.dim(displayMessage(reason))}`,
  );
  if (decisions.length === 0) return ['  nothing is to be done'];
  if (decisions.length < MAX_PLANNED_DECISIONS) return lines;
  return [...lines, `  … and what follows these ${MAX_PLANNED_DECISIONS}`];
}
