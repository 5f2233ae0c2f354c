/** Everything that `validate` says about policy files in memory. */
import { hash } from 'node:crypto';
import { compile, type CompileResult } from '../../domain/compile.ts';
import { findCrossFieldProblems } from '../../domain/cross-field-rules.ts';
import { findNotBuilt } from '../../domain/not-built.ts';
import { loadPolicies } from '../../schemas/load-policies.ts';
import type { LoadedDocument } from '../../schemas/loaded-document.ts';
import { type Problem, sortProblems } from '../../schemas/problem.ts';
import { memoryPolicyFiles, PROJECT } from './memory-policy-files.ts';

export interface Checked {
  documents: LoadedDocument[];
  problems: Problem[];
  notBuilt: Problem[];
  compiled: CompileResult;
}

export async function checkFiles(files: Record<string, string | Uint8Array>): Promise<Checked> {
  const loaded = await loadPolicies(['policies'], memoryPolicyFiles(files));
  const { documents, misshapen, names, problems, files: shown } = loaded;
  const found = [...problems, ...findCrossFieldProblems(documents, names, misshapen)];
  const sound = found.every(({ severity }) => severity === 'warning');
  const compiled = compile(sound ? documents : [], {
    stateDirectory: `${PROJECT}/.holdfast`,
    digest: (text) => hash('sha256', text),
    readScript: (path) => readScript(path, files),
  });
  return {
    documents,
    problems: sortProblems([...found, ...compiled.problems], shown),
    notBuilt: sortProblems(findNotBuilt(documents), shown),
    compiled,
  };
}

function readScript(path: string, files: Record<string, string | Uint8Array>): string {
  const content = files[path.replace(`${PROJECT}/policies/`, '')];
  if (content === undefined) throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' });
  return typeof content === 'string' ? content : new TextDecoder().decode(content);
}
