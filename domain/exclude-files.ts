/** The patterns of the files that a policy's `excludeFile` names: read when the policy is compiled, and part of its actions. */
import { absolutePath } from '../common/paths.ts';
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';
import type { Policy } from '../schemas/types.ts';
import { isMalformed } from './exclude-match.ts';
import { problemAt } from './located-problem.ts';
import { absolutePattern } from './resolve-places.ts';

/** What restic would take for a variable of the environment, and `$$`, its dollar sign. */
const VARIABLE = /\$[\w{*#$@!?-]/g;

/**
 * In the order of the files, with restic's rules for them: a pattern a line, blanks and lines that begin with `#` do not
 * count. A pattern that begins with `./` starts at the folder of its file. What is wrong is added to `problems`.
 *
 * @param readFile Reads the text at an absolute path; throws when it cannot be read.
 */
export function readExcludeFiles(
  document: LoadedDocument<Policy>,
  readFile: (path: string) => string,
  problems: Problem[],
): string[] {
  const files = document.content.spec.source.excludeFile ?? [];
  return files.flatMap((file, index) => {
    const place: DocumentPath = ['spec', 'source', 'excludeFile', index];
    const path = absolutePath(document.directory, file);
    try {
      return readPatterns(readFile(path), absolutePath(path, '..'), (line, message, hint) => {
        const text = { code: 'malformed-pattern', message: `line ${line} of this file ${message}`, hint };
        problems.push(problemAt(document, place, text));
      });
    } catch (error) {
      const reason = (error as { code?: string }).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
      const hint = 'its patterns are read when the policy is compiled: commit it beside the policy';
      problems.push(
        problemAt(document, place, { code: 'exclude-file-unreadable', message: `the file ${path} ${reason}`, hint }),
      );
      return [];
    }
  });
}

function readPatterns(
  text: string,
  directory: string,
  onProblem: (line: number, message: string, hint: string) => void,
): string[] {
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.trim())
    .flatMap((line, index) => {
      if (line === '' || line.startsWith('#')) return [];
      // What it stands for would depend on who applies the policy.
      const variable = line.match(VARIABLE)?.find((reference) => reference !== '$$');
      if (variable !== undefined) {
        onProblem(index + 1, 'names a variable', 'write out what it stands for; $$ is a dollar sign');
        return [];
      }
      const pattern = absolutePattern(
        line.replaceAll('$$', () => '$'),
        directory,
      );
      if (!isMalformed(pattern)) return [pattern];
      const hint = 'close every bracket, and write a backslash before a bracket that stands for itself';
      onProblem(index + 1, 'is no valid pattern', hint);
      return [];
    });
}
