/** Lists of path patterns with restic's meaning (`internal/filter`), as excludes, includes and restores use them. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import { fromEscapedText } from './escaped-text.ts';
import { toLowerCase } from './lower-case.ts';
import { compilePart, type NameMatcher } from './pattern-part.ts';

/**
 * A pattern without a leading slash matches any run of components of a path, so also all that lies below; one with it
 * is anchored at the file system's root. `**` stands for any number of components, `*`, `?` and `[a-z]` stay within
 * one. A leading `!` takes back what earlier patterns of the list matched.
 */
export interface PatternList {
  readonly isEmpty: boolean;
  /** @param path With a leading slash where anchored patterns are to match. */
  matches(path: ByteString): boolean;
  /** Whether something below the path could match: false spares a restore the walk into it. */
  mayMatchBelow(path: ByteString): boolean;
}

type Part = NameMatcher | 'any-components';

interface Pattern {
  negated: boolean;
  anchored: boolean;
  /** Without the anchor. */
  parts: Part[];
}

const ANY_COMPONENTS = 'any-components';

export interface PatternOptions {
  /** Case does not count, in patterns and paths: restic's `--iexclude` and `--iinclude`. */
  ignoreCase?: boolean;
}

/** Empty patterns are ignored; bytes that are not UTF-8 may be escaped as in `escaped-text.ts`. Throws a Usage error that names every malformed pattern. */
export function compilePatterns(patterns: readonly string[], options: PatternOptions = {}): PatternList {
  const fold = options.ignoreCase === true ? toLowerCase : (path: ByteString): ByteString => path;
  const malformed: string[] = [];
  const compiled: Pattern[] = [];
  for (const text of patterns) {
    if (text === '') continue;
    const pattern = compilePattern(text, fold);
    if (pattern === undefined) malformed.push(text);
    else compiled.push(pattern);
  }
  if (malformed.length > 0) {
    throw new HoldfastError('Usage', `not a valid pattern: ${malformed.map((text) => `"${text}"`).join(', ')}`, {
      hint: 'Close every bracket, and write a backslash before a bracket that stands for itself.',
    });
  }
  const split = rememberFolder();
  return {
    isEmpty: compiled.length === 0,
    matches: (path) => matchesList(compiled, split(fold(path))),
    mayMatchBelow: (path) => mayMatchBelow(compiled, split(fold(path))),
  };
}

/** The patterns that `compilePatterns` would refuse. */
export function findMalformedPatterns(patterns: readonly string[]): string[] {
  return patterns.filter((text) => text !== '' && compilePattern(text) === undefined);
}

/** The components of a path; the first is empty when the path is absolute. */
type Components = readonly string[];

function compilePattern(text: string, fold: (path: ByteString) => ByteString = (path) => path): Pattern | undefined {
  const negated = text.startsWith('!');
  const path = cleanPath(fold(fromEscapedText(negated ? text.slice(1) : text)));
  const anchored = path.startsWith('/');
  const components = (anchored ? path.slice(1) : path).split('/');
  const parts: Part[] = [];
  for (const component of components) {
    // An empty component is what "/" alone leaves: it means all below.
    if (component === '**' || component === '') {
      parts.push(ANY_COMPONENTS);
      continue;
    }
    const part = compilePart(component as ByteString);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return { negated, anchored, parts };
}

/** What Go's `filepath.Clean` makes of a path: no empty and `.` components, `..` taken back, no slash at the end. */
function cleanPath(path: ByteString): string {
  const anchored = path.startsWith('/');
  const kept: string[] = [];
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') kept.push(component);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!anchored) kept.push(component);
  }
  const cleaned = kept.join('/');
  return anchored ? `/${cleaned}` : cleaned || '.';
}

/** Splits paths; a walk asks for the entries of one folder in a row. */
function rememberFolder(): (path: ByteString) => Components {
  let folder: string | undefined;
  let components: string[] = [];
  return (path) => {
    const slash = path.lastIndexOf('/');
    if (slash === -1) return [path];
    const parent = path.slice(0, slash);
    if (parent !== folder) {
      folder = parent;
      components = parent.split('/');
    }
    return [...components, path.slice(slash + 1)];
  };
}

function matchesList(patterns: readonly Pattern[], path: Components): boolean {
  let matched = false;
  for (const pattern of patterns) {
    // Only the opposite of what holds can change it.
    if (matched === pattern.negated && matches(pattern, path)) matched = !matched;
  }
  return matched;
}

function matches(pattern: Pattern, path: Components): boolean {
  const absolute = path[0] === '' && path.length > 1;
  const { anchored, parts } = pattern;
  const spare = path.length - parts.length - (anchored ? 1 : 0);
  if (anchored) return absolute && matchFrom(parts, path, { part: 0, position: 1, mayBeEmpty: true, spare });
  for (let position = absolute ? 1 : 0; position < path.length; position++) {
    if (matchFrom(parts, path, { part: 0, position, mayBeEmpty: false, spare })) return true;
  }
  return false;
}

/** How far a match has come. */
interface MatchState {
  /** The next part. */
  part: number;
  /** The next component. */
  position: number;
  /** An unanchored run is never empty. */
  mayBeEmpty: boolean;
  /**
   * Components of the path beyond one for each part, less what earlier `**` took beyond one each. restic never lets a
   * `**` take more than this and one, so that `/** /x/**` leaves `/a/x` in where `/x/**` excludes `/x`.
   */
  spare: number;
}

/** Whether the remaining parts match a run of components. */
function matchFrom(parts: readonly Part[], path: Components, state: MatchState): boolean {
  let { position, mayBeEmpty } = state;
  for (let index = state.part; index < parts.length; index++) {
    const matcher = parts[index];
    if (matcher === ANY_COMPONENTS) {
      for (let taken = 0; taken <= state.spare + 1 && position + taken <= path.length; taken++) {
        const spare = state.spare + 1 - taken;
        const next = { part: index + 1, position: position + taken, mayBeEmpty: mayBeEmpty || taken > 0, spare };
        if (matchFrom(parts, path, next)) return true;
      }
      return false;
    }
    const component = path[position];
    if (component === undefined || matcher === undefined || !matcher(component)) return false;
    position++;
    mayBeEmpty = true;
  }
  return mayBeEmpty;
}

function mayMatchBelow(patterns: readonly Pattern[], path: Components): boolean {
  let possible = false;
  for (const pattern of patterns) {
    if (pattern.negated) possible &&= !matches(pattern, path);
    else possible ||= matchesPrefix(pattern, path);
  }
  return possible;
}

/** Relative patterns can match at any depth; anchored ones as long as the path is on the way to them. */
function matchesPrefix(pattern: Pattern, path: Components): boolean {
  if (!pattern.anchored) return true;
  if (path[0] !== '' || path.length === 1) return false;
  for (const [index, matcher] of pattern.parts.entries()) {
    const component = path[index + 1];
    if (matcher === ANY_COMPONENTS || component === undefined) return true;
    if (!matcher(component)) return false;
  }
  return true;
}
