/** `holdfast validate`: whether policies are right, and what they come to; needs no engine and changes nothing. */
import { isAbsolute, resolve as resolvePath, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import { hintOfNames, listNames } from '../common/suggest.ts';
import type { Action } from '../domain/action.ts';
import { holdfastVersion } from '../repository/program-version.ts';
import { renderGithubAnnotation } from '../schemas/github-annotations.ts';
import { hasErrors, renderProblem, type Problem } from '../schemas/problem.ts';
import { sarifLog } from '../schemas/sarif.ts';
import type { LoadedDocument } from '../schemas/loaded-document.ts';
import type { Policy } from '../schemas/types.ts';
import { checkPolicies, type CheckedPolicies } from './check-policies.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import type { ResolvedDocument } from './resolved-values.ts';

interface Options {
  resolved?: string;
  format?: keyof typeof FORMATS;
}

/** How problems are told to programs that show them. What is not built is a warning in each. */
const FORMATS = {
  github: (problems: readonly Problem[]): string => problems.map(renderGithubAnnotation).join('\n'),
  sarif: (problems: readonly Problem[], directory: string): string =>
    JSON.stringify(
      sarifLog(problems, holdfastVersion() ?? 'unknown', (file) => uriOf(file, directory)),
      undefined,
      2,
    ),
};

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description(
        'Checks policies: their shape, their references, and what they demand of each other. All errors of all files are shown at once.',
      )
      .argument('[paths...]', 'policy files and folders (default: policies)')
      .option('--resolved <policy>', 'also show every value in force for a policy, and where it came from')
      .addOption(
        new Option('--format <form>', 'problems as annotations of a GitHub workflow, or as a SARIF log')
          .choices(Object.keys(FORMATS))
          .conflicts('resolved'),
      );
  },

  async run(context, { args, options }) {
    if (context.json && options.format !== undefined) {
      throw new HoldfastError('Usage', '--format and --json are both given', { hint: 'leave one of them out' });
    }
    const checked = await checkPolicies(context.directory, (args[0] as string[] | undefined) ?? []);
    const resolved = options.resolved === undefined ? undefined : await resolve(options.resolved, checked);
    const failed = hasErrors(checked.problems);
    if (options.format !== undefined) tellFormatted(context, checked, options.format);
    else if (context.json) context.output.json(jsonResult(checked, resolved));
    else await tell(context, checked, resolved);
    return failed ? ExitStatus.usage : ExitStatus.done;
  },
};

interface Resolved {
  documents: ResolvedDocument[];
  actions: Action[];
}

/** undefined when errors keep the policies from being compiled. Throws NotFound for a name that no policy has. */
async function resolve(name: string, checked: CheckedPolicies): Promise<Resolved | undefined> {
  const { documents, compiled, problems } = checked;
  if (compiled === undefined) return undefined;
  const policies = documents.filter((document): document is LoadedDocument<Policy> => document.kind === 'Policy');
  const policy = policies.find((candidate) => candidate.name === name);
  if (policy === undefined) {
    if (hasErrors(problems)) return undefined;
    throw notAPolicy(name, documents, policies);
  }
  const { resolveValues } = await import('./resolved-values.ts');
  return {
    documents: resolveValues(policy, documents),
    actions: compiled.actions.filter((action) => action.policy === name),
  };
}

/** Says what the name is of, where it is of something else. */
function notAPolicy(
  name: string,
  documents: readonly LoadedDocument[],
  policies: readonly LoadedDocument<Policy>[],
): HoldfastError {
  const made = policies.flatMap((policy) => (policy.set === name ? [policy.name] : []));
  if (made.length > 0)
    return new HoldfastError(
      'NotFound',
      `"${name}" is a PolicySet, which makes ${count(made.length, 'policy', 'policies')}`,
      {
        hint: `name one of them: ${listNames(made)}`,
      },
    );
  const other = documents.find((document) => document.name === name);
  const names = policies.map((policy) => policy.name);
  return new HoldfastError(
    'NotFound',
    other === undefined ? `there is no policy named "${name}"` : `"${name}" is a ${other.kind}, and no policy`,
    { hint: hintOfNames(name, names, 'policy') },
  );
}

function jsonResult(checked: CheckedPolicies, resolved: Resolved | undefined): object {
  const { files, documents, problems, notBuilt } = checked;
  const data = (found: Problem[]): object[] => found.map(({ sourceLine: _sourceLine, ...rest }) => rest);
  return {
    valid: !hasErrors(problems),
    files,
    documents: documents.map(({ kind, name, set }) => ({ kind, name, ...(set === undefined ? {} : { set }) })),
    problems: data(problems),
    notBuilt: data(notBuilt),
    ...(resolved === undefined ? {} : { resolved: resolved.documents, actions: resolved.actions }),
  };
}

function tellFormatted(
  { output, directory }: CliContext,
  checked: CheckedPolicies,
  format: keyof typeof FORMATS,
): void {
  const { problems, notBuilt } = checked;
  const warnings = notBuilt.map((problem) => ({ ...problem, severity: 'warning' as const }));
  const text = FORMATS[format]([...problems, ...warnings], directory);
  if (text !== '') output.line(text);
}

/** Relative where the file lies below the current folder, which code scanning takes for the repository's top. */
function uriOf(file: string, directory: string): string {
  if (isAbsolute(file) || file.startsWith('..')) return pathToFileURL(resolvePath(directory, file)).href;
  return file.split(sep).map(encodeURIComponent).join('/');
}

async function tell(context: CliContext, checked: CheckedPolicies, resolved: Resolved | undefined): Promise<void> {
  const { output } = context;
  const { files, documents, problems, notBuilt } = checked;
  for (const problem of problems) output.line(`${renderProblem(problem)}\n`);
  if (resolved !== undefined) {
    const { tellResolved } = await import('./tell-resolved.ts');
    tellResolved(output, resolved.documents, resolved.actions);
  }
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (errors > 0) {
    output.line(
      output.style.bad(`${numberOf(errors, 'error')}${warnings > 0 ? `, ${numberOf(warnings, 'warning')}` : ''}`),
    );
    return;
  }
  for (const problem of notBuilt) output.line(`${renderProblem({ ...problem, severity: 'warning' })}\n`);
  const made = documents.filter(({ set }) => set !== undefined).length;
  const written = `${numberOf(documents.length - made, 'document')} in ${numberOf(files.length, 'file')}`;
  const verdict = `${written}${made > 0 ? `, which make ${made === 1 ? '1 policy' : `${made} policies`} of sets` : ''}: valid`;
  output.say(output.style.good(warnings > 0 ? `${verdict}, with ${numberOf(warnings, 'warning')}` : verdict));
  if (notBuilt.length > 0) {
    output.say(
      output.style.warning(`${numberOf(notBuilt.length, 'part')} of the language not built yet: apply refuses them`),
    );
  }
}

function numberOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
