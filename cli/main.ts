/** The command line: turns arguments into the one command that runs, and what comes of it into words and an exit status. */
import { InterruptedError, StorageError } from '../common/errors.ts';
import { keepYoungGeneration } from '../files/v8-flags.ts';
import { endEarly } from './begin-early.ts';
import type { CliContext } from './command.ts';
import { endProcess } from './end-process.ts';
import { ExitStatus, mergeStatuses, statusOfError } from './exit-status.ts';
import { listenForInterrupts } from './interrupt.ts';
import { createStyle, openOutput, wantsColor, type TrackedOutput } from './output.ts';
import { parseArguments, scanGlobalOptions, type GlobalOptions } from './parse-arguments.ts';
import { errorDocument, renderError } from './report-error.ts';

/** Runs what `argv` (without node and the program) says, and ends the process with its exit status. */
export async function main(argv: string[]): Promise<void> {
  const global = scanGlobalOptions(argv);
  const color = global.color && wantsColor(process.env);
  const output = openOutput(process.stdout, process.stderr, { ...global, color });
  const signal = listenForInterrupts(() => output.note('stopping; press Ctrl-C again to end at once'));
  const fail = (error: unknown): ExitStatus => {
    // Whatever an interrupted command throws on its way out, it was the interruption.
    const cause = signal.aborted ? interruption(error) : error;
    report(cause, output, global, color);
    return statusOfError(cause);
  };
  const crash = (error: unknown): void => void exit(fail(error));
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  let status: ExitStatus;
  try {
    status = await run(argv, output, signal);
  } catch (error) {
    status = fail(error);
  }
  await flush();
  if (output.failure !== undefined) status = mergeStatuses([status, fail(lostAnswer(output.failure))]);
  await exit(status);
}

function lostAnswer(cause: NodeJS.ErrnoException): StorageError {
  return new StorageError(`the answer could not be written whole (${cause.code})`, {
    hint: 'the command has done its work; write what it says to a disk with space left',
    cause,
  });
}

async function run(argv: string[], output: TrackedOutput, signal: AbortSignal): Promise<ExitStatus> {
  const parsed = await parseArguments(argv, (text) => void process.stdout.write(text));
  if (parsed === undefined) return ExitStatus.done;
  const context: CliContext = {
    signal,
    output,
    json: parsed.global.json,
    quiet: parsed.global.quiet,
    verbose: parsed.global.verbose,
    verbosity: parsed.global.verbosity,
    environment: process.env,
    directory: process.cwd(),
    openInput: () => process.stdin,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true && !parsed.global.json,
    now: () => new Date(),
  };
  // Only now, as code that was compiled under other flags of V8 is not taken. Where nothing has changed, all work of a backup is this
  // thread's and the scan's: collecting a small one over and over would be a tenth of it. It grows until threads that store something start.
  if (parsed.name !== 'backup') keepYoungGeneration();
  return parsed.command.run(context, { args: parsed.args, options: parsed.options });
}

function interruption(error: unknown): unknown {
  if (error instanceof InterruptedError) return error;
  return new InterruptedError('interrupted', { cause: error });
}

function report(error: unknown, output: TrackedOutput, global: GlobalOptions, color: boolean): void {
  if (global.json) {
    const document = errorDocument(error);
    // stdout holds one document at most: after an answer, the error goes beside it.
    if (output.started) process.stderr.write(`${JSON.stringify(document)}\n`);
    else output.json(document);
    return;
  }
  output.clear();
  const stack = process.env['HOLDFAST_DEBUG'] === '1' ? 'always' : global.verbose ? 'unexpected' : 'never';
  const style = createStyle(color && process.stderr.isTTY === true);
  process.stderr.write(`${renderError(error, style, stack)}\n`);
}

/** Ends the process after what was written has left it; handles that a command left open do not keep it alive. */
async function exit(status: ExitStatus): Promise<never> {
  await flush();
  await endEarly();
  endProcess(status);
}

async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((done) => stream.write('', () => done()));
  }
}
