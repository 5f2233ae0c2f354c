/** JSON as Go's `encoding/json` writes it (HTML escaping on), and reading it without losing 64-bit integers. */

// Go 1.19's choice, which restic 0.14 has: \b and \f as \u00xx. Surrogates that stand alone become U+FFFD in UTF-8.
// eslint-disable-next-line no-control-regex -- JSON escapes exactly these
const ESCAPED = /[\x00-\x1f"\\<>&\u2028\u2029]/g;

const ASCII_ESCAPED = Uint8Array.from({ length: 0x80 }, (_, code) =>
  /["\\\\<>&]/.test(String.fromCharCode(code)) ? 1 : 0,
);

const SHORT: Record<string, string> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A string with its quotes. */
export function goString(text: string): string {
  return isPlain(text) ? `"${text}"` : `"${text.replace(ESCAPED, escapeCharacter)}"`;
}

/** Whether nothing is escaped: a sixth of the regular expression's time, and trees are made of short plain strings. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f || code < 0x20 || ASCII_ESCAPED[code] === 1) return false;
  }
  return true;
}

/** Any JSON value, objects in their own order; a bigint is written as an integer. */
export function goJson(value: unknown): string {
  if (typeof value === 'string') return goString(value);
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => goJson(item)).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([key, member]) => `${goString(key)}:${goJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value ?? null);
}

/**
 * Parses JSON; an integer beyond 2^53 becomes a bigint, all others stay numbers. Throws SyntaxError.
 */
export function parseGoJson(text: string): unknown {
  // The reviver costs four times the parsing, so it is used only where digits are that many.
  if (!/[:[,]-?\d{16,}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, reviveInteger);
}

function reviveInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function escapeCharacter(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
