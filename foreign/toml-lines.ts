/** The lines on which the keys of a TOML text stand: its parser tells none. */

export interface TomlLines {
  /** Of a table or key, from 1; undefined for what has no line of its own. */
  lineOf(path: readonly string[]): number | undefined;
}

const KEY = /^(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*/;
const PART = /[A-Za-z0-9_-]+|"[^"]*"|'[^']*'/g;

/** The text must be valid TOML. */
export function findTomlLines(text: string): TomlLines {
  const found = new Map<string, number>();
  const lengths = new Map<string, number>();
  let table: string[] = [];
  let open: Opening | undefined;
  const note = (path: string[], line: number): void => {
    const name = JSON.stringify(path);
    if (!found.has(name)) found.set(name, line);
  };
  for (const [index, raw] of text.split('\n').entries()) {
    if (open !== undefined) {
      open = scanValue(raw, open);
      continue;
    }
    const line = raw.trim();
    const header = /^\[\[?\s*(.*?)\s*\]\]?\s*(?:#.*)?$/.exec(line);
    if (header !== null && line.startsWith('[')) {
      table = partsOf(header[1] ?? '');
      if (line.startsWith('[[')) {
        const name = JSON.stringify(table);
        const position = lengths.get(name) ?? 0;
        lengths.set(name, position + 1);
        table = [...table, String(position)];
      }
      note(table, index + 1);
      continue;
    }
    const key = KEY.exec(line)?.[0];
    if (key === undefined) continue;
    note([...table, ...partsOf(key)], index + 1);
    open = scanValue(line.slice(key.length), { brackets: 0 });
  }
  return { lineOf: (path) => found.get(JSON.stringify(path)) };
}

function partsOf(key: string): string[] {
  return (key.match(PART) ?? []).map((part) => part.replace(/^["']|["']$/g, ''));
}

/** A value that goes on in the next line. */
interface Opening {
  brackets: number;
  /** Inside a text of several lines. */
  quotes?: '"""' | "'''";
}

function scanValue(text: string, { brackets, quotes }: Opening): Opening | undefined {
  let depth = brackets;
  let inside: string | undefined = quotes;
  for (let at = 0; at < text.length; at++) {
    if (inside !== undefined) {
      if (text[at] === '\\' && inside.startsWith('"')) at++;
      else if (text.startsWith(inside, at)) {
        at += inside.length - 1;
        inside = undefined;
      }
      continue;
    }
    const character = text[at]!;
    if (character === '#') break;
    if (character === '"' || character === "'") {
      const triple = character.repeat(3);
      inside = text.startsWith(triple, at) ? triple : character;
      at += inside.length - 1;
    } else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
  }
  if (inside?.length === 3) return { brackets: depth, quotes: inside as NonNullable<Opening['quotes']> };
  return depth > 0 ? { brackets: depth } : undefined;
}
