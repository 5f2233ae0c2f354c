/** What `fmt` and `upgrade` share: policy files are read, rewritten, and written, shown or only named. */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { unifiedDiff } from '../common/line-diff.ts';
import { shownPath } from '../common/paths.ts';
import { findFiles } from '../schemas/load-policies.ts';
import { readPolicyText } from '../schemas/policy-text.ts';
import { localPolicyFiles } from '../schemas/local-policy-files.ts';
import { hasErrors, type Problem, renderProblem } from '../schemas/problem.ts';
import { parseYamlFile, type YamlPart } from '../schemas/yaml-source.ts';
import type { CliContext } from './command.ts';
import { DEFAULT_POLICY_PATHS } from './compile-policies.ts';
import { count } from './display.ts';
import { ExitStatus } from './exit-status.ts';

export interface RewriteOptions {
  check?: boolean;
  diff?: boolean;
}

export interface Rewriting {
  /** The new text of one that parses; the same when there is nothing to do; undefined when that cannot be known. Throws HoldfastError. */
  rewrite(text: string): string | undefined;
  /** What keeps a document, and its file with it, from being rewritten. Absent: nothing does. */
  check?(part: YamlPart): Problem | Problem[];
  /** `formatted`, for sentences. */
  done: string;
}

/** The name of what is piped in. */
const STDIN = '-';

export function addRewriteOptions(command: Command): Command {
  return command
    .argument('[paths...]', `policy files and folders (default: policies); ${STDIN}: stdin, written to stdout`)
    .option('--check', 'write nothing; exit status 7 when a file would change')
    .option('--diff', 'write nothing; show what would change');
}

interface Rewritten {
  /** As shown. */
  file: string;
  before: string;
  after: string;
}

/** Files that do not parse, or that the check refuses, are told and left alone (exit 2); the others are done all the same. */
export async function rewriteFiles(
  context: CliContext,
  given: readonly string[],
  options: RewriteOptions,
  rewriting: Rewriting,
): Promise<ExitStatus> {
  if (given.length === 1 && given[0] === STDIN) return rewriteInput(context, options, rewriting);
  const io = localPolicyFiles(context.directory);
  const files = await findFiles(given.length === 0 ? DEFAULT_POLICY_PATHS : given, io);
  const problems: Problem[] = [];
  const changed: Rewritten[] = [];
  for (const { path } of files) {
    const file = shownPath(path, context.directory);
    const found = rewriteOne(context, file, await io.read(path), rewriting, problems);
    if (found === undefined) continue;
    changed.push(found);
    if (options.check !== true && options.diff !== true) await replaceFile(path, found.after);
  }
  tell(context, { files: files.length, changed, problems }, options, rewriting.done);
  if (hasErrors(problems)) return ExitStatus.usage;
  return options.check === true && changed.length > 0 ? ExitStatus.needsAttention : ExitStatus.done;
}

/** undefined: it stays as it is. */
function rewriteOne(
  { output }: CliContext,
  file: string,
  bytes: Uint8Array,
  { rewrite, done, check = () => [] }: Rewriting,
  problems: Problem[],
): Rewritten | undefined {
  const { text: before, problems: unusable } = readPolicyText(file, bytes);
  problems.push(...unusable);
  if (before === undefined) return undefined;
  const { parts, problems: syntax } = parseYamlFile(file, before);
  const errors = syntax.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) errors.push(...parts.flatMap(check));
  problems.push(...errors);
  if (errors.length > 0) return undefined;
  const after = rewrite(before);
  if (after === undefined) output.warn(`${file} has a form that cannot be ${done} for certain, and is left as it is`);
  return after === undefined || after === before ? undefined : { file, before, after };
}

async function rewriteInput(context: CliContext, options: RewriteOptions, rewriting: Rewriting): Promise<ExitStatus> {
  const { output } = context;
  const input = await readAll(context.openInput());
  const problems: Problem[] = [];
  const found = rewriteOne(context, '<stdin>', Buffer.from(input), rewriting, problems);
  if (problems.length > 0) {
    tell(context, { files: 1, changed: [], problems }, options, rewriting.done);
    return ExitStatus.usage;
  }
  if (options.check === true || options.diff === true || context.json)
    tell(context, { files: 1, changed: found === undefined ? [] : [found], problems }, options, rewriting.done);
  else await output.bytes().write(Buffer.from(found?.after ?? input));
  return options.check === true && found !== undefined ? ExitStatus.needsAttention : ExitStatus.done;
}

interface Result {
  files: number;
  changed: Rewritten[];
  problems: Problem[];
}

function tell({ output, json }: CliContext, result: Result, options: RewriteOptions, done: string): void {
  const { files, changed, problems } = result;
  const isWritten = options.check !== true && options.diff !== true;
  if (json) {
    output.json({
      files,
      changed: changed.map(({ file, before, after }) => ({
        file,
        ...(options.diff === true ? { diff: diffOf(file, before, after).join('\n') } : {}),
      })),
      written: isWritten,
      problems: problems.map(({ sourceLine: _sourceLine, ...rest }) => rest),
    });
    return;
  }
  for (const problem of problems) output.line(`${renderProblem(problem)}\n`);
  for (const { file, before, after } of changed) {
    if (options.diff === true) for (const line of diffOf(file, before, after)) output.line(colour(output.style, line));
    else output.line(file);
  }
  const which =
    changed.length === 0 ? 'nothing to do' : `${count(changed.length, 'file')} ${isWritten ? '' : 'would be '}${done}`;
  output.say(`${which}${problems.length > 0 ? `; ${count(problems.length, 'error')}` : ''}`);
}

function diffOf(file: string, before: string, after: string): string[] {
  return unifiedDiff(before, after, { before: `a/${file}`, after: `b/${file}` });
}

function colour(style: CliContext['output']['style'], line: string): string {
  if (line.startsWith('+') && !line.startsWith('+++')) return style.good(line);
  if (line.startsWith('-') && !line.startsWith('---')) return style.bad(line);
  return line.startsWith('@@') ? style.dim(line) : line;
}

/** All of it or nothing, also when the power fails; through links, with the file's own mode. */
async function replaceFile(path: string, content: string): Promise<void> {
  const target = await realpath(path);
  const { mode } = await stat(target);
  const temporary = `${target}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode & 0o777);
    try {
      await file.writeFile(content);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
