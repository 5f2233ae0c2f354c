/** What all benchmarks with a report have in common: help, the report on stdout or in files, and the exit status. */
import { renderText, saveReport, type ReportDocument } from './report-document.ts';

export interface Benchmark<Options, Report> {
  help: string;
  /** Throws an Error with one sentence when the options make no sense. */
  parse(args: string[]): Options;
  measure(options: Options): Report | Promise<Report>;
  document(report: Report): ReportDocument;
  /** Whether something that must be reached was not. */
  isMissed(report: Report): boolean;
}

interface CommonOptions {
  help: boolean;
  /** A path without the extension. */
  save: string | undefined;
  json: boolean;
}

/** Progress goes to stderr, the report to stdout; the exit status is 1 when something that must be reached was not. */
export async function runBenchmark<Options extends CommonOptions, Report>(
  args: string[],
  { help, parse, measure, document, isMissed }: Benchmark<Options, Report>,
): Promise<void> {
  try {
    const options = parse(args);
    if (options.help) {
      process.stdout.write(help);
      return;
    }
    const report = await measure(options);
    const documented = document(report);
    if (options.save !== undefined) saveReport(options.save, documented, report);
    process.stdout.write(options.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderText(documented));
    if (isMissed(report)) process.exitCode = 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Of the progress. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
