/** The project's own source text: tracked files, and the imports each of them makes. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const PROJECT_FOLDER = path.dirname(import.meta.dirname);

export interface Import {
  /** As written: `../common/errors.ts`, `node:fs`, `yaml`. */
  specifier: string;
  /** `import type` or `export type`: nothing of it is there at run time. */
  typeOnly: boolean;
}

/** Paths relative to the project's folder of all files that git tracks or would add, in order. */
export function listSourceFiles(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: PROJECT_FOLDER,
    encoding: 'utf8',
  });
  const files = listed.split('\0').filter((file) => file !== '' && existsSync(path.join(PROJECT_FOLDER, file)));
  return [...new Set(files)].toSorted();
}

export function readSource(file: string): string {
  return readFileSync(path.join(PROJECT_FOLDER, file), 'utf8');
}

/**
 * All imports and re-exports of a module, dynamic ones with a literal name included. It reads the source line by line as
 * this project writes it (statements begin on a line of their own), which is why it needs no parser.
 */
export function findImports(source: string): Import[] {
  const code = source.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
  const declared = [...code.matchAll(/^(?:import|export)\b([^'"`;]*?\bfrom\s*)?\s*['"]([^'"]+)['"]/gm)].map(
    ([, clause, specifier]): Import => ({
      specifier: specifier ?? '',
      typeOnly: /^\s*type\b(?!\s+from\b)/.test(clause ?? ''),
    }),
  );
  const inTypes = [...code.matchAll(/(typeof\s+)?\bimport\(\s*['"]([^'"]+)['"]\s*\)(\s*\.\s*[A-Z])?/g)].map(
    ([, typeofWord, specifier, member]): Import => ({
      specifier: specifier ?? '',
      typeOnly: typeofWord !== undefined || member !== undefined,
    }),
  );
  return [...declared, ...inTypes];
}
