/** What a backup walks: the source directories, placed in one tree from the root of the file system, as restic nests them. */
import path from 'node:path';
import type { ByteString } from '../common/byte-string.ts';
import { joinPath } from '../files/byte-path.ts';
import { fromEscapedText } from '../files/escaped-text.ts';

/** A folder on the way to a source, or a source itself. */
export interface SourceFolder {
  /** Absolute. */
  path: ByteString;
  /** Its whole content is backed up; of others only the children named here. */
  isSource: boolean;
  /** A source that is backed up as the symbolic link that it is; others are followed. */
  isLink: boolean;
  children: Map<ByteString, SourceFolder>;
}

/** The absolute form of the directories, in the order given, each once. */
export function absoluteSources(directories: string[]): string[] {
  return [...new Set(directories.map((directory) => path.resolve(directory)))];
}

/**
 * The tree of the folders that lead to the sources; a source may lie in another one.
 *
 * @param links The sources that are symbolic links, and are backed up as such.
 */
export function buildSourceTree(sources: readonly string[], links: readonly string[] = []): SourceFolder {
  const asLinks = new Set(links);
  const root: SourceFolder = { path: '/' as ByteString, isSource: false, isLink: false, children: new Map() };
  for (const source of sources) {
    let folder = root;
    for (const name of (fromEscapedText(source) as string).split('/').filter((part) => part !== '') as ByteString[]) {
      let child = folder.children.get(name);
      if (child === undefined) {
        child = { path: joinPath(folder.path, name), isSource: false, isLink: false, children: new Map() };
        folder.children.set(name, child);
      }
      folder = child;
    }
    folder.isSource = true;
    folder.isLink = asLinks.has(source);
  }
  return root;
}
