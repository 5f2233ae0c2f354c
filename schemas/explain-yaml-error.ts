/** What the YAML parser finds, as one sentence and a remedy. */
import { withoutControls } from './problem.ts';
import { printable } from './wording.ts';

const QUOTES = 'put it in quotes';

/** `marked` is the text at the place of the error. */
export function explainYamlError(code: string, message: string, marked: string): [told: string, hint: string] {
  if (message.includes('stringKeys')) return ['a key must be plain text', 'write one word before the colon'];
  switch (code) {
    case 'DUPLICATE_KEY':
      return [`the key "${printable(marked.replaceAll('\n', '\\n'))}" is written twice`, 'keep one of the two'];
    case 'TAB_AS_INDENT':
      return ['a tab indents this line', 'indent with spaces: YAML knows no tabs'];
    case 'TAG_RESOLVE_FAILED':
      return [
        `the tag ${printable(marked)} means nothing here`,
        'write the plain value; one that begins with ! in quotes',
      ];
    case 'BAD_INDENT':
      if (message.startsWith('Flow'))
        return ['this line belongs to a { or [ that is not closed', 'close it on an earlier line'];
      return [sentence(message), 'line it up with its neighbours'];
    case 'BLOCK_IN_FLOW':
      return ['a colon and a space inside of this value', QUOTES];
    case 'BLOCK_AS_IMPLICIT_KEY':
      return ['a second colon in one line', 'put the text in quotes, or write the inner key on a line of its own'];
    case 'MISSING_CHAR':
      return [sentence(message), 'close what was opened'];
    case 'BAD_SCALAR_START':
      return [`a value cannot begin with ${withoutControls(marked.charAt(0))} here`, QUOTES];
    case 'BAD_DQ_ESCAPE':
      return [sentence(message), "in double quotes a backslash must be doubled; in single quotes ('…') it is itself"];
    case 'KEY_OVER_1024_CHARS':
      return ['a key has at most 1,024 characters', 'shorten it; is a line break missing?'];
    case 'BAD_DIRECTIVE':
      return [sentence(message), 'remove this line: holdfast reads YAML 1.2'];
    case 'UNEXPECTED_TOKEN':
    case 'IMPOSSIBLE':
      return [sentence(message), 'is a quote, a colon or a line break missing before it?'];
    default:
      return [sentence(message), 'correct the YAML here'];
  }
}

export function sentence(message: string): string {
  const first = withoutControls(message.split('\n')[0]?.replace(/\.$/, '') ?? 'this is not YAML');
  return first.charAt(0).toLowerCase() + first.slice(1);
}
