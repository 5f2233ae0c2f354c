/** What a backup by hand is of: the paths among the arguments, and those in lists of files. */
import { lstatSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { HoldfastError } from '../common/errors.ts';
import { fromBytes, toBytes } from '../files/byte-path.ts';
import { fromEscapedText, toEscapedText } from '../files/escaped-text.ts';
import { expandGlob } from '../files/glob.ts';
import { readTextLines, trimLine } from '../files/text-lines.ts';
import type { CliContext } from './command.ts';
import { displayText } from './display.ts';
import { readListFile } from './pattern-options.ts';

export interface ListOptions {
  filesFrom: string[];
  filesFromVerbatim: string[];
  filesFromRaw: string[];
}

export interface BackupPaths {
  /** Absolute, each once; of those that are not there only when none is there. */
  directories: string[];
  /** Symbolic links, which are backed up as such. */
  links: string[];
  /** Named, but not there. */
  absent: { path: string; message: string }[];
}

/**
 * Wildcards, comments and blanks have a meaning in `--files-from` alone. A symbolic link is a link, and with a slash at
 * its end what it points to. Throws Usage when nothing is named, and NotFound for a list that cannot be read.
 */
export async function collectBackupPaths(
  context: CliContext,
  args: readonly string[],
  options: ListOptions,
): Promise<BackupPaths> {
  if (args.includes('')) throw new HoldfastError('Usage', 'a path is empty', { hint: 'name what to back up' });
  const named = [...(await readLists(context, options)), ...args];
  if (named.length === 0)
    throw new HoldfastError('Usage', 'nothing to back up is named', {
      hint: 'give paths, --files-from LIST, or --stdin',
    });
  const paths: BackupPaths = { directories: [], links: [], absent: [] };
  const seen = new Set<string>();
  for (const name of named) {
    const path = resolve(context.directory, name);
    if (seen.has(path)) continue;
    seen.add(path);
    const found = look(path, name.endsWith('/'));
    if (found === 'link') paths.links.push(path);
    if (found === 'link' && args.includes(name)) tellLink(context, path, name);
    if (found === 'link' || found === 'there') paths.directories.push(path);
    else paths.absent.push({ path: displayText(name), message: found.message });
  }
  if (paths.directories.length === 0) paths.directories.push(...seen);
  return paths;
}

/** Who names one by hand may well expect what restic does not do. */
function tellLink({ output }: CliContext, path: string, name: string): void {
  const target = statSync(toBytes(fromEscapedText(path)), { throwIfNoEntry: false });
  if (target?.isDirectory() !== true) return;
  const shown = displayText(name);
  output.note(`${shown} is a symbolic link, and backed up as such; ${shown}/ would be the folder that it points to`);
}

function look(path: string, follow: boolean): 'there' | 'link' | { message: string } {
  try {
    const stat = lstatSync(toBytes(fromEscapedText(path)));
    return stat.isSymbolicLink() && !follow ? 'link' : 'there';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return {
      message: code === 'ENOENT' || code === 'ENOTDIR' ? 'it does not exist' : `it cannot be accessed (${code})`,
    };
  }
}

/** In restic's order. */
async function readLists(context: CliContext, options: ListOptions): Promise<string[]> {
  const { filesFrom, filesFromVerbatim, filesFromRaw } = options;
  const files = [...filesFrom, ...filesFromVerbatim, ...filesFromRaw];
  if (files.filter((file) => file === '-').length > 1)
    throw new HoldfastError('Usage', 'stdin holds one list, but is named for several', { hint: 'name - once' });
  const names: string[] = [];
  for (const file of filesFrom) {
    const lines = readTextLines(await readList(context, file)).map(trimLine);
    for (const line of lines) if (line !== '' && !line.startsWith('#')) names.push(...expand(context, line));
  }
  for (const file of filesFromVerbatim) {
    names.push(...readTextLines(await readList(context, file)).filter((line) => line !== ''));
  }
  for (const file of filesFromRaw) names.push(...splitRaw(await readList(context, file), file));
  return names;
}

function expand({ directory, output }: CliContext, pattern: string): string[] {
  const found = expandGlob(pattern, directory);
  if (found.length === 0) output.warn(`${displayText(pattern)} is in a list of files, but fits none`);
  return found;
}

/** Each name ends with a zero byte; what such a list lacks is a name that was cut off. */
function splitRaw(content: Buffer, file: string): string[] {
  if (content.length === 0) return [];
  const names = fromBytes(content).split('\0');
  if (names.pop() !== '')
    throw new HoldfastError('Usage', `the list ${file} does not end with a zero byte`, {
      hint: 'make it with find -print0 or the like; --files-from-verbatim takes a name a line',
    });
  if (names.includes('')) throw new HoldfastError('Usage', `the list ${file} holds an empty name`);
  return names.map((name) => toEscapedText(name as ReturnType<typeof fromBytes>));
}

async function readList({ directory, openInput }: CliContext, file: string): Promise<Buffer> {
  if (file !== '-') return readListFile(directory, file, 'the list of files');
  const chunks: Buffer[] = [];
  for await (const chunk of openInput()) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
