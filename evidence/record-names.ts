/** The names of records in a storage: day folders for runs, percent-encoded ids, and the prefixes that cover a period. */
import type { RunRecord } from '../domain/run-record.ts';

/**
 * One path segment that says the id: what is not `[A-Za-z0-9._-]` becomes `%XX`, byte by byte of its UTF-8. The two
 * names that mean folders, `.` and `..`, are encoded too.
 */
export function encodeSegment(id: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(id)) {
    const character = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9._-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded === '.' || encoded === '..' ? encoded.replaceAll('.', '%2E') : encoded;
}

/** `runs/YYYY/MM/DD/WORKFLOW-ID/RUN-ID.json`, the day (UTC) of `finishedAt`. */
export function runName(record: Pick<RunRecord, 'finishedAt' | 'workflowId' | 'runId'>): string {
  const day = new Date(record.finishedAt).toISOString().slice(0, 10).replaceAll('-', '/');
  return `runs/${day}/${encodeSegment(record.workflowId)}/${encodeSegment(record.runId)}.json`;
}

/** `applies/ID.json`. */
export function applyName(id: string): string {
  return `applies/${encodeSegment(id)}.json`;
}

/** `adoptions/ID.json`. */
export function adoptionName(id: string): string {
  return `adoptions/${encodeSegment(id)}.json`;
}

/** `pauses/ID.json`. */
export function pauseName(id: string): string {
  return `pauses/${encodeSegment(id)}.json`;
}

/**
 * The fewest name prefixes below `runs/` that cover exactly the days from `from` to `to` (UTC), in byte order: whole
 * years and decades of an open end are one prefix each. Folders of other days need not be opened.
 */
export function runPrefixes(from: Date | undefined, to: Date | undefined): string[] {
  const first = from === undefined ? '0000/00/00' : dayPath(from);
  const last = to === undefined ? '9999/99/99' : dayPath(to);
  return [...coveringPrefixes('', first, last)].map((prefix) => `runs/${prefix}`);
}

/** Years beyond four digits are as good as the open ends. */
function dayPath(date: Date): string {
  const year = date.getUTCFullYear();
  if (year < 0) return '0000/00/00';
  return year > 9999 ? '9999/99/99' : date.toISOString().slice(0, 10).replaceAll('-', '/');
}

const PATTERN = 'dddd/dd/dd/';

function* coveringPrefixes(prefix: string, first: string, last: string): Generator<string> {
  const lowest = prefix + PATTERN.slice(prefix.length, 10).replaceAll('d', '0');
  const highest = prefix + PATTERN.slice(prefix.length, 10).replaceAll('d', '9');
  if (highest < first || lowest > last) return;
  if ((lowest >= first && highest <= last) || prefix.length === PATTERN.length) {
    yield prefix;
    return;
  }
  if (PATTERN[prefix.length] === '/') {
    yield* coveringPrefixes(`${prefix}/`, first, last);
    return;
  }
  for (let digit = 0; digit <= 9; digit++) yield* coveringPrefixes(prefix + digit, first, last);
}
