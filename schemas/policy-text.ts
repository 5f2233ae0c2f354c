/** The text of a policy file: that it is text, and no more and no deeper than can be checked at once. */
import type { Problem } from './problem.ts';

/** Bytes. What is longer was hardly written by a person; a thousand policies have half of it. */
export const LONGEST_FILE = 1024 * 1024;

/** Characters, and documents of one file. The parser and the checks take time by the square of what one document holds. */
const LONGEST_DOCUMENT = 96 * 1024;
const MOST_DOCUMENTS = 2000;

/** Signs that YAML reads something from: the parser takes its time for them. A MiB of policies has half as many. */
const MOST_SIGNS = 250_000;
const SIGNS = new Set([...',[]{}"\'\n&*!#%|>'].map((sign) => sign.charCodeAt(0)));
/** Signs before a blank. */
const INDICATORS = new Set([...'-:?'].map((sign) => sign.charCodeAt(0)));

/** Maps and lists in each other; the language itself has less than ten. */
const DEEPEST = 100;

export interface PolicyText {
  text?: string;
  problems: Problem[];
}

/** There is no text where the file is unusable as a whole, which one problem then tells. */
export function readPolicyText(file: string, bytes: Uint8Array): PolicyText {
  if (bytes.length > LONGEST_FILE)
    return unusable(file, '', 0, {
      code: 'too-long',
      message: 'this file has more than 1 MiB, which policy files may have',
      hint: 'split it into several files, or name the files of your policies',
    });
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return unusable(file, '', 0, { code: 'not-utf8', message: 'this file is UTF-16', hint: 'save it as UTF-8' });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const before = new TextDecoder().decode(bytes).split('\ufffd')[0] ?? '';
    const told = { code: 'not-utf8', message: 'this file is not UTF-8 text', hint: 'save it as UTF-8' };
    return unusable(file, before, before.length, told);
  }
  const told = findUnusable(text);
  return told === undefined ? { text, problems: [] } : unusable(file, text, told.at, told);
}

type Told = Pick<Problem, 'code' | 'message'> & { hint: string };

function findUnusable(text: string): (Told & { at: number }) | undefined {
  const zero = text.indexOf('\0');
  if (zero >= 0)
    return {
      at: zero,
      code: 'not-utf8',
      message: 'this file holds zero bytes: it is no text, or UTF-16',
      hint: 'save it as UTF-8',
    };
  const lone = /\r(?!\n)/.exec(text);
  if (lone !== null)
    return {
      at: lone.index,
      code: 'yaml-syntax',
      message: 'a carriage return without a line feed ends this line',
      hint: 'save the file with the line ends of Unix (LF) or Windows (CRLF)',
    };
  const long = findTooMuch(text);
  if (long !== undefined) return long;
  const deep = deepPlace(text);
  return deep === undefined
    ? undefined
    : {
        at: deep,
        code: 'yaml-syntax',
        message: `the nesting here is too deep: more than ${DEEPEST} maps and lists in each other`,
        hint: 'close what is open, or lift some of it out',
      };
}

function findTooMuch(text: string): (Told & { at: number }) | undefined {
  const starts = [0, ...[...text.matchAll(/^---/gm)].map(({ index }) => index)];
  const next = starts[MOST_DOCUMENTS + 1];
  if (next !== undefined) {
    const message = `more than ${MOST_DOCUMENTS.toLocaleString('en')} documents in one file`;
    return { at: next, code: 'too-long', message, hint: 'split it into several files' };
  }
  const dense = placeOfTooManySigns(text);
  if (dense !== undefined) {
    const message = `more than ${MOST_SIGNS.toLocaleString('en')} lines, dashes, colons, commas and brackets in one file`;
    return { at: dense, code: 'too-long', message, hint: 'split it into several files' };
  }
  const at = starts.find((start, index) => (starts[index + 1] ?? text.length) - start > LONGEST_DOCUMENT);
  if (at === undefined) return undefined;
  const message = `this document has more than ${LONGEST_DOCUMENT / 1024} KiB, which one may have`;
  return {
    at,
    code: 'too-long',
    message,
    hint: 'make several of it; long lists of patterns can stand in files of their own (excludeFile)',
  };
}

function placeOfTooManySigns(text: string): number | undefined {
  if (text.length <= MOST_SIGNS) return undefined;
  for (let at = 0, signs = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (SIGNS.has(character) || (INDICATORS.has(character) && text.charCodeAt(at + 1) <= 0x20)) signs++;
    if (signs > MOST_SIGNS) return at;
  }
  return undefined;
}

/**
 * Where something stands too deep. It is reckoned from the text alone, since the parser, which works by recursion, is
 * what must be spared: brackets are counted in quotes and comments, too, where nobody opens a hundred.
 */
function deepPlace(text: string): number | undefined {
  for (let at = 0, open = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x5b || character === 0x7b) open++;
    else if ((character === 0x5d || character === 0x7d) && open > 0) open--;
    if (open > DEEPEST) return at;
  }
  // `- - -`, `? ? ?` and `a: b: c:` in one line; and a line that is as far in as only such depth can be.
  const compact = new RegExp(
    `^ *(?:(?:[-?:]|[^\\s#'"]{1,64}:) ){${DEEPEST},}|^ {${2 * DEEPEST},}(?=[^\\s#][^\\n]{0,200}: *$)`,
    'm',
  );
  return compact.exec(text)?.index;
}

function unusable(file: string, text: string, at: number, told: Told): PolicyText {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  const end = text.slice(at, at + 1000).search(/[\r\n]|$/);
  const sourceLine = text.slice(start, at + end);
  const line = text.slice(0, start).split('\n').length;
  const { code, message, hint } = told;
  return {
    problems: [{ file, line, column: at - start + 1, length: 1, sourceLine, severity: 'error', code, message, hint }],
  };
}
