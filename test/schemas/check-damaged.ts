/** What must hold of any policy folder, however damaged: it is right, or has problems with a place; soon, and each time the same. */
import assert from 'node:assert/strict';
import { parseAllDocuments } from 'yaml';
import { HoldfastError } from '../../common/errors.ts';
import { formatYaml } from '../../schemas/format-yaml.ts';
import { renderGithubAnnotation } from '../../schemas/github-annotations.ts';
import { hasErrors, type Problem, renderProblem } from '../../schemas/problem.ts';
import { upgradeText } from '../../schemas/upgrade-text.ts';
import { checkFiles } from './check-files.ts';
import type { DamagedFolder } from './damaged-files.ts';

/** Of the processor, for one folder. */
const MOST_SECONDS = 2;

/** What scripts and lists the policies name. */
const BESIDE = { 'tests/verify-orders.sh': 'exit 0', 'excludes.txt': '*.tmp\n' };

export interface Verdict {
  /** Of the processor. */
  seconds: number;
  /** Codes of the problems. */
  codes: string[];
}

/** Throws when something does not hold. */
export async function checkDamaged({ files }: Pick<DamagedFolder, 'files'>): Promise<Verdict> {
  const started = process.threadCpuUsage().user;
  const given = { ...files, ...BESIDE };
  const { problems, notBuilt } = await tell(given);
  const shown = [...problems, ...notBuilt].map((problem) => renderProblem(problem));
  const seconds = (process.threadCpuUsage().user - started) / 1e6;
  assert.ok(seconds < MOST_SECONDS, `${seconds} s of the processor`);
  const texts = new Map(
    Object.entries(files).map(([name, bytes]) => [`policies/${name}`, new TextDecoder().decode(bytes)]),
  );
  for (const [index, problem] of [...problems, ...notBuilt].entries()) {
    checkProblem(problem, texts);
    assert.equal(shown[index]!.split('\n').length, 3);
    // oxlint-disable-next-line no-control-regex -- they must not be there
    assert.doesNotMatch(shown[index]!, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    assert.equal(renderGithubAnnotation(problem).split('\n').length, 1);
  }
  if (!hasErrors(problems)) for (const [name, text] of texts) if (name.endsWith('.yaml')) checkSound(text);
  // Folders are listed in no order.
  if (shown.join('').length % 8 === 0) {
    const again = await tell(Object.fromEntries(Object.entries(given).reverse()));
    assert.deepEqual(again, { problems, notBuilt });
  }
  return { seconds, codes: problems.map(({ code }) => code) };
}

async function tell(files: Record<string, Uint8Array | string>): Promise<{ problems: Problem[]; notBuilt: Problem[] }> {
  try {
    const { problems, notBuilt } = await checkFiles(files);
    return { problems, notBuilt };
  } catch (error) {
    // An edit may have left nothing but comments.
    if (error instanceof HoldfastError && error.code === 'Usage' && error.message.startsWith('there are no policies'))
      return { problems: [], notBuilt: [] };
    throw error;
  }
}

function checkProblem(problem: Problem, texts: ReadonlyMap<string, string>): void {
  const { file, line, column, length, sourceLine, message, hint = 'x' } = problem;
  const text = texts.get(file);
  assert.ok(text !== undefined, `no such file ${file}`);
  const written = text.split('\n')[line - 1];
  assert.ok(written !== undefined, `no line ${line} in ${file}`);
  assert.ok(
    Number.isInteger(column) && column >= 1 && column <= written.length + 1,
    `no column ${column} in ${written}`,
  );
  assert.ok(Number.isInteger(length) && length >= 1);
  for (const sentence of [message, hint]) assert.doesNotMatch(sentence, /undefined|\[object|NaN|\n|^$/);
  // A file that is no text is shown as far as it is one; secrets are stars.
  if (sourceLine !== '' && problem.code !== 'not-utf8')
    assert.ok(
      Array.from({ length: sourceLine.length }).every((_, at) => ['*', written[at]].includes(sourceLine[at])),
      `${sourceLine} is not ${written}`,
    );
}

/** What is called right is so for the YAML library alone, too, and can be laid out and rewritten. */
function checkSound(text: string): void {
  const strict = { version: '1.2', schema: 'core', prettyErrors: false, logLevel: 'error' } as const;
  assert.deepEqual(
    parseAllDocuments(text, strict).flatMap(({ errors }) => errors),
    [],
  );
  formatYaml(text);
  upgradeText(text);
}
