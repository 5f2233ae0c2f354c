/** Reads files of test cases: `=== TITLE`, then `--- NAME` before the content of each file, `--- expected` before the answer. */
import { readFileSync } from 'node:fs';

export interface Case {
  title: string;
  files: Record<string, string>;
  expected: string;
}

export function readCases(path: string): Case[] {
  return readFileSync(path, 'utf8')
    .split(/^=== /m)
    .slice(1)
    .map((text) => {
      const [heading = '', ...parts] = text.split(/^--- /m);
      const files = Object.fromEntries(
        parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
      );
      const { expected = '', ...given } = files;
      return { title: heading.trim(), files: given, expected: expected.trim() };
    });
}
