/** Problems of a document's meaning, at a place of it. */
import type { DocumentPath, LoadedDocument } from '../schemas/loaded-document.ts';
import type { Problem } from '../schemas/problem.ts';

export interface ProblemText {
  code: string;
  /** One sentence. */
  message: string;
  /** What to do. */
  hint: string;
  severity?: 'error' | 'warning';
  /** What is marked: the value (default) or its key. */
  part?: 'key' | 'value';
}

export function problemAt(document: Pick<LoadedDocument, 'mark'>, path: DocumentPath, text: ProblemText): Problem {
  const { code, message, hint, severity = 'error', part = 'value' } = text;
  return { ...document.mark(path, part), severity, code, message, hint };
}

/** `file:line` of a part, for a sentence that names another place. */
export function placeOf(document: LoadedDocument, path: DocumentPath): string {
  const { file, line } = document.mark(path);
  return `${file}:${line}`;
}
