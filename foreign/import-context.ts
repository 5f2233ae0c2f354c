/** What reading a configuration needs to know of the machine it is read on. */
import type { DraftFolder } from './drafts.ts';
import type { ImportNotes } from './import-notes.ts';
import type { Expand } from './section.ts';

export interface ImportContext {
  /** Absolute: of the file, where its relative paths begin. */
  directory: string;
  /** Of the person who imports. */
  home: string;
  /** IANA: the zone of the local times in the file. */
  timezone: string;
  /** Whether a file of patterns can be read here: one that is not there would make the policies invalid. */
  isFile(path: string): boolean;
  folder: DraftFolder;
  notes: ImportNotes;
}

/** `~` and the variable HOME are the person's; nothing else is known. */
export function expandHome(home: string): Expand {
  return (text) => {
    const expanded = text.replace(/^~(?=\/|$)/, home).replaceAll(/\$\{HOME\}|\$HOME\b/g, home);
    return /\$\{?[A-Za-z_]/.test(expanded) ? undefined : expanded;
  };
}
