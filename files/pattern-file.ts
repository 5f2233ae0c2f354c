/** Files of patterns, one a line, with restic's rules (`--exclude-file`): comments, blanks, and variables of the environment. */
import { readTextLines, trimLine } from './text-lines.ts';

/**
 * The patterns of a file: white space around them does not count, lines that begin with `#` are comments, `$NAME` and
 * `${NAME}` are replaced, `$$` is a dollar sign. A pattern may come out empty.
 *
 * @param variable The value of a variable of the environment; undefined counts as empty.
 */
export function readPatternFile(content: Uint8Array, variable: (name: string) => string | undefined): string[] {
  return readTextLines(content)
    .map(trimLine)
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => expandVariables(line, (name) => (name === '$' ? '$' : (variable(name) ?? ''))));
}

// Go's os.Expand: a name in braces, one character that a shell gives a meaning, or letters, digits and underscores.
// What cannot be a name in braces is eaten, a dollar sign with nothing behind it stays.
const REFERENCE = /\$(?:\{([^}]*)\}|(\{)|([*#$@!?0-9-])|([A-Za-z0-9_]+))/g;

function expandVariables(text: string, value: (name: string) => string): string {
  return text.replace(
    REFERENCE,
    (_, inBraces: string | undefined, open: string | undefined, special?: string, name?: string) => {
      if (open !== undefined || inBraces === '') return '';
      return value(inBraces ?? special ?? name ?? '');
    },
  );
}
