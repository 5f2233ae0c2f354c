/** What a person must know about an import: what is theirs to decide, what has no counterpart, what is not needed. */
import type { SourceNode } from './source-node.ts';

/** `decide`: also a comment in the policies. `dropped`: it had an effect that holdfast does not have. `unneeded`: nothing is lost. */
export type ImportNoteKind = 'decide' | 'dropped' | 'unneeded';

export interface ImportNote {
  kind: ImportNoteKind;
  file: string;
  line: number;
  /** Where in the file: `documents.backup.schedule`. */
  key: string;
  /** Never a value of the file that could be a secret. */
  message: string;
}

export class ImportNotes {
  readonly #notes = new Map<string, ImportNote>();
  #decisions: string[] = [];

  /** What several profiles inherit is told once. */
  add(kind: ImportNoteKind, at: Pick<SourceNode, 'file' | 'line'>, key: string, message: string): void {
    if (kind === 'decide')
      this.#decisions.push(`To decide: ${key.slice(key.lastIndexOf('.') + 1)} (${at.file}:${at.line}): ${message}`);
    const name = `${at.file}:${at.line}:${key.slice(key.lastIndexOf('.') + 1)}:${message}`;
    if (!this.#notes.has(name)) this.#notes.set(name, { kind, file: at.file, line: at.line, key, message });
  }

  /** What was to decide since this was last asked: for comments in the policy, also where several share it. */
  takeDecisions(): string[] {
    const decisions = [...new Set(this.#decisions)];
    this.#decisions = [];
    return decisions;
  }

  /** In file order. */
  all(): ImportNote[] {
    const files = [...new Set([...this.#notes.values()].map(({ file }) => file))];
    return [...this.#notes.values()].sort(
      (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || (a.key < b.key ? -1 : 1),
    );
  }
}
