/** Whether exclude patterns leave out a path, with restic's meaning: enough to judge a policy before anything is read. */

/** Whether the path or one of its folders, up to and with `top`, is left out; the last pattern that matches decides. */
export function isExcluded(path: string, top: string, patterns: readonly string[]): boolean {
  const below = path
    .slice(top === '/' ? 1 : top.length + 1)
    .split('/')
    .filter((segment) => segment !== '');
  for (let depth = 0; depth <= below.length; depth++) {
    const folder = [top === '/' ? '' : top, ...below.slice(0, depth)].join('/') || '/';
    if (verdict(folder, patterns)) return true;
  }
  return false;
}

function verdict(path: string, patterns: readonly string[]): boolean {
  let excluded = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (matchesPattern(path, negated ? pattern.slice(1) : pattern)) excluded = !negated;
  }
  return excluded;
}

/** An anchored pattern matches from the root on, any other at any depth; what lies below a match matches too. */
function matchesPattern(path: string, pattern: string): boolean {
  const segments = path.split('/').filter((segment) => segment !== '');
  const wanted = pattern.split('/').filter((segment) => segment !== '' && segment !== '.');
  const last = pattern.startsWith('/') ? 0 : segments.length;
  // The root counts as a component.
  const spare = segments.length + 1 - wanted.length - (pattern.startsWith('/') ? 1 : 0);
  for (let offset = 0; offset <= last; offset++) if (matchesFrom(segments, offset, wanted, 0, spare)) return true;
  return false;
}

/** @param spare What a `**` may take beyond one component: as `files/patterns.ts` counts it. */
function matchesFrom(
  segments: readonly string[],
  at: number,
  wanted: readonly string[],
  next: number,
  spare: number,
): boolean {
  const pattern = wanted[next];
  if (pattern === undefined) return next > 0;
  if (pattern === '**') {
    for (let taken = 0; taken <= spare + 1 && at + taken <= segments.length; taken++) {
      if (matchesFrom(segments, at + taken, wanted, next + 1, spare + 1 - taken)) return true;
    }
    return false;
  }
  const segment = segments[at];
  if (segment === undefined || !matchesSegment(segment, pattern)) return false;
  return matchesFrom(segments, at + 1, wanted, next + 1, spare);
}

/** One name against `*`, `?`, `[a-z]` and `\\`, as Go's filepath.Match reads them; a malformed pattern matches nothing. */
export function matchesSegment(segment: string, pattern: string): boolean {
  return segmentExpression(pattern)?.test(segment) ?? false;
}

/** Whether a pattern has a bracket that is not closed, an empty one, or a backslash with nothing behind it. */
export function isMalformed(pattern: string): boolean {
  const positive = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  return positive.split('/').some((segment) => segment !== '**' && segmentExpression(segment) === undefined);
}

function segmentExpression(pattern: string): RegExp | undefined {
  const characters = [...pattern];
  /** What stands between the stars: each matches so many characters, and no more. */
  const pieces: string[] = [];
  let source = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === '*') {
      pieces.push(source);
      source = '';
    } else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const set = readSet(characters, at + 1);
      if (set === undefined) return undefined;
      source += set.source;
      at = set.end;
    } else {
      const literal = character === '\\' ? characters[++at] : character;
      if (literal === undefined) return undefined;
      source += codePoint(literal);
    }
  }
  if (pieces.length === 0) return new RegExp(`^${source}$`, 'su');
  // Where a piece fits first leaves the most to those behind it, so that no other place is tried: many stars would take for ever.
  const [first, ...middle] = pieces;
  const placed = middle
    .filter((piece) => piece !== '')
    .map((piece, number) => `(?=(?<at${number}>[^/]*?${piece}))\\k<at${number}>`);
  return new RegExp(`^${first}${placed.join('')}[^/]*${source}$`, 'su');
}

/** A set from behind its bracket to the closing one; undefined when malformed. */
function readSet(characters: readonly string[], from: number): { source: string; end: number } | undefined {
  let at = from;
  const negated = characters[at] === '^';
  if (negated) at++;
  const ranges: string[] = [];
  const take = (): string | undefined => {
    const character = characters[at];
    if (character === '-' || character === ']') return undefined;
    at += character === '\\' ? 2 : 1;
    return character === '\\' ? characters[at - 1] : character;
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = take();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (characters[at] === '-') {
      at++;
      high = take();
    }
    if (high === undefined || at >= characters.length) return undefined;
    // A range that runs backwards holds nothing.
    ranges.push(low.codePointAt(0)! <= high.codePointAt(0)! ? `${codePoint(low)}-${codePoint(high)}` : '');
  }
  return { source: `[${negated ? '^' : ''}${ranges.join('')}]`, end: at };
}

function codePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** How an anchored pattern stands to a folder, by the literal names it begins with. */
export function relationToFolder(pattern: string, folder: string): 'inside' | 'whole' | 'outside' {
  const wanted = pattern.split('/').filter((segment) => segment !== '');
  const segments = folder.split('/').filter((segment) => segment !== '');
  for (const [index, segment] of segments.entries()) {
    const name = wanted[index];
    if (name === undefined) return 'whole';
    if (name === '**') return 'inside';
    if (!matchesSegment(segment, name)) return 'outside';
  }
  return wanted.length <= segments.length ? 'whole' : 'inside';
}
