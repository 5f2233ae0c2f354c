/** `holdfast audit`: expected runs against recorded ones, objectives and findings, from the records alone. */
import { auditEvidence } from '../activities/audit.ts';
import { HoldfastError } from '../common/errors.ts';
import { renderAudit } from '../domain/audit-text.ts';
import { needsAttention } from '../domain/findings.ts';
import type { CliCommand } from './command.ts';
import { addEvidenceOptions, withEvidence, type EvidenceOptions } from './evidence-options.ts';
import { ExitStatus } from './exit-status.ts';
import { parsePointInTime } from './select-snapshot.ts';

interface Options extends EvidenceOptions {
  from?: string;
  to?: string;
}

const DEFAULT_PERIOD_MS = 30 * 86_400_000;

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Compares the runs that the policies in force asked for with those that are recorded. Needs no engine. Exit status 7 when something needs attention.',
      )
      .argument('[paths...]', 'where the policies are (default: policies/)')
      .option('--from <time>', 'begin of the period (default: 30 days before its end)')
      .option('--to <time>', 'end of the period (default: now)');
    addEvidenceOptions(command);
  },

  async run(context, { args, options }) {
    const to = endOfPeriod(options.to, context.now());
    const from =
      options.from === undefined ? new Date(to.getTime() - DEFAULT_PERIOD_MS) : parsePointInTime(options.from, 'begin');
    if (from >= to)
      throw new HoldfastError('Usage', 'the period ends before it begins', { hint: 'exchange --from and --to' });
    const progress = context.output.progress();
    const audit = await withEvidence(context, args[0] as string[], options, (evidence) =>
      auditEvidence(evidence, from, to, { signal: context.signal, progress }),
    ).finally(() => progress.finish());
    if (context.json) context.output.json(audit);
    else context.output.line(renderAudit(audit).trimEnd());
    const bad = audit.applyId === undefined || audit.findings.some(needsAttention);
    return bad ? ExitStatus.needsAttention : ExitStatus.done;
  },
};

/** What has not happened yet was not missed either. */
function endOfPeriod(text: string | undefined, now: Date): Date {
  const end = text === undefined ? now : parsePointInTime(text);
  return end > now ? now : end;
}
