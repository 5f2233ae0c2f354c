/** Options that name patterns, or files of patterns. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { readPatternFile } from '../files/pattern-file.ts';
import { compilePatterns } from '../files/patterns.ts';
import type { CliContext } from './command.ts';

/**
 * The patterns given, and behind them those of the files, as restic puts them. Throws NotFound for a file that cannot be
 * read, Usage for malformed patterns.
 */
export async function collectPatterns(
  context: CliContext,
  patterns: readonly string[],
  files: readonly string[],
): Promise<string[]> {
  const fromFiles = await Promise.all(files.map((file) => patternsOf(context, file)));
  const all = [...patterns, ...fromFiles.flat()];
  compilePatterns(all);
  return all;
}

async function patternsOf({ directory, environment }: CliContext, file: string): Promise<string[]> {
  const content = await readListFile(directory, file, 'the file of patterns');
  return readPatternFile(content, (name) => environment[name]);
}

/** Throws NotFound. */
export async function readListFile(directory: string, file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(resolve(directory, file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? String(error)})`;
    throw new HoldfastError('NotFound', `${what} ${file} ${reason}`, { cause: error });
  }
}
