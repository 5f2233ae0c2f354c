/** Clocks of time zones: which instants show a local time, and how a zone's clocks change. */

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Zones keep their rules for longer than this; what was before does not matter to what will run. */
const RULES_FROM = Date.UTC(2025, 0, 1);
const RULES_TO = Date.UTC(2038, 0, 1);
/** Shorter than any time between two changes of a zone's clocks. */
const SAMPLE_MS = 7 * DAY_MS;
/** Days remembered of one zone. */
const MAX_MIDNIGHTS = 20_000;

/** One change of a zone's clocks. Offsets are milliseconds east of UTC. */
export interface ClockChange {
  /** The first instant of the new offset. */
  at: number;
  before: number;
  after: number;
}

const zones = new Map<string, LocalTime>();

/** The clocks of a zone, by its IANA name; what was computed once is remembered. */
export function localTimeOf(timezone: string): LocalTime {
  let zone = zones.get(timezone);
  if (zone === undefined) zones.set(timezone, (zone = new LocalTime(timezone)));
  return zone;
}

/** Local times of one zone, as milliseconds that UTC would have if it showed them. */
export class LocalTime {
  readonly #format: Intl.DateTimeFormat | undefined;
  /** By day: a zone's offset at midnight UTC. Asking Intl for each slot would take seconds for a year. */
  readonly #midnights = new Map<number, number>();
  #changes: ClockChange[] | undefined;

  constructor(timezone: string) {
    this.#format = timezone === 'UTC' ? undefined : localFormat(timezone);
  }

  /** The offset that holds all through a local day (counted from 1970-01-01) and the days beside it; undefined when clocks change. */
  offsetAround(day: number): number | undefined {
    const before = this.#offsetAtMidnight(day - 1);
    return before === this.#offsetAtMidnight(day + 2) ? before : undefined;
  }

  /** The instants at which clocks of the zone show a local time: none, one or two, in order. */
  instantsOf(local: number): number[] {
    const day = Math.floor(local / DAY_MS);
    const before = this.#offsetAtMidnight(day - 1);
    const after = this.#offsetAtMidnight(day + 2);
    if (before === after) return [local - before];
    const candidates = [local - before, local - after].sort((a, b) => a - b);
    return candidates.filter((instant) => instant + this.offsetAt(instant) === local);
  }

  /** The changes of the years to come, as far as rules for them are known, in order. */
  get changes(): readonly ClockChange[] {
    return (this.#changes ??= [...this.#findChanges()]);
  }

  /** Every offset of the years to come, ascending. */
  get offsets(): number[] {
    const offsets = this.changes.flatMap(({ before, after }) => [before, after]);
    return [...new Set([this.offsetAt(RULES_FROM), ...offsets])].sort((a, b) => a - b);
  }

  offsetAt(instant: number): number {
    if (this.#format === undefined) return 0;
    const parts: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  }

  *#findChanges(): Generator<ClockChange> {
    if (this.#format === undefined) return;
    let before = this.offsetAt(RULES_FROM);
    for (let from = RULES_FROM; from < RULES_TO; from += SAMPLE_MS) {
      const after = this.offsetAt(from + SAMPLE_MS);
      if (after === before) continue;
      let [low, high] = [from, from + SAMPLE_MS];
      while (high - low > 1000) {
        const middle = Math.floor((low + high) / 2000) * 1000;
        if (this.offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      yield { at: high, before, after };
      before = after;
    }
  }

  #offsetAtMidnight(day: number): number {
    const known = this.#midnights.get(day);
    if (known !== undefined) return known;
    const offset = this.offsetAt(day * DAY_MS);
    if (this.#midnights.size >= MAX_MIDNIGHTS) this.#midnights.clear();
    this.#midnights.set(day, offset);
    return offset;
  }
}

/** Whether a change moves clocks by an hour, at a full hour: what Temporal's calendars reckon with. */
export function isWholeHour({ at, before, after }: ClockChange): boolean {
  return Math.abs(after - before) === HOUR_MS && (at + before) % HOUR_MS === 0;
}

/** Whether a change leaves out the midnight with which a day begins. */
export function skipsMidnight({ at, before, after }: ClockChange): boolean {
  const [from, to] = [at + before, at + after];
  return to > from && Math.ceil(from / DAY_MS) * DAY_MS < to;
}

function localFormat(timeZone: string): Intl.DateTimeFormat {
  const numeric = 'numeric' as const;
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: numeric,
    month: numeric,
    day: numeric,
    hour: numeric,
    minute: numeric,
    second: numeric,
  });
}
