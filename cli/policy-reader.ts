/** Where the texts of policies come from: this machine's disk, or a commit as if it lay there. */
import { readFileSync } from 'node:fs';
import type { PolicyCommit } from '../domain/action.ts';
import type { PolicyFiles } from '../schemas/load-policies.ts';
import { localPolicyFiles } from '../schemas/local-policy-files.ts';

export interface PolicyReader {
  files: PolicyFiles;
  /** The text of a script or a file of patterns at an absolute path; throws with a `code` as the file system does. */
  readText(path: string): string;
  /** What all of it is of; absent: whatever lies on the disk. */
  commit?: PolicyCommit;
}

/** `directory` is the absolute current folder. */
export function localPolicyReader(directory: string): PolicyReader {
  return { files: localPolicyFiles(directory), readText: (path) => readFileSync(path, 'utf8') };
}

/** Notes the absolute paths of all that is read. */
export function noteReads(reader: PolicyReader, paths: Set<string>): PolicyReader {
  return {
    ...reader,
    files: {
      ...reader.files,
      read: (path) => {
        paths.add(path);
        return reader.files.read(path);
      },
    },
    readText: (path) => {
      const text = reader.readText(path);
      paths.add(path);
      return text;
    },
  };
}
