/** Lines of a text file as restic reads lists and patterns (`internal/textfile`): with or without a byte order mark, in UTF-8 or UTF-16. */
import { fromBytes } from './byte-path.ts';
import { toEscapedText } from './escaped-text.ts';

/** Without their ends (`\n` or `\r\n`). Bytes that are not UTF-8 are escaped as in `escaped-text.ts`. */
export function readTextLines(content: Uint8Array): string[] {
  const lines = decode(content).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

function decode(content: Uint8Array): string {
  const [first, second, third] = content;
  if (first === 0xef && second === 0xbb && third === 0xbf) return toEscapedText(fromBytes(content.subarray(3)));
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(content);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(content);
  return toEscapedText(fromBytes(content));
}

// What Go's unicode.IsSpace takes for white space: not quite what JavaScript's trim does.
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const OUTER_SPACE = new RegExp(`^${SPACE}|${SPACE}$`, 'gu');

/** Without white space at both ends. */
export function trimLine(line: string): string {
  return line.replace(OUTER_SPACE, '');
}
