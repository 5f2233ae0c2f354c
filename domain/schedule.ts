/** When an action runs: the resolved form of a policy's `every`, `at`, `day`, `offset`, `cron`. */

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** A period that divides a day, or a whole number of days, counted from the epoch in UTC. */
export interface IntervalTiming {
  kind: 'interval';
  everySeconds: number;
  /** Seconds after each whole multiple of `everySeconds` since the epoch, UTC. */
  offsetSeconds: number;
}

/** Each day, one day of each week, or one day of so many, at a local time. */
export interface CalendarTiming {
  kind: 'calendar';
  /** Absent: every day, or as `days` says. */
  day?: Weekday;
  /** Local days, counted from 1970-01-01: those that leave the rest `turn` when divided by `every`. Absent: all, or as `day` says. */
  days?: { every: number; turn: number };
  hour: number;
  minute: number;
  /** IANA name. */
  timezone: string;
}

export interface CronTiming {
  kind: 'cron';
  /** Five fields. */
  expression: string;
  timezone: string;
}

export type Timing = IntervalTiming | CalendarTiming | CronTiming;

export interface Schedule {
  timing: Timing;
  /** A start may be up to this much later than its slot. */
  jitterSeconds: number;
  /** The longest a run may take, from its start, with all retries. */
  timeoutSeconds: number;
  /** After an outage: the newest missed run happens, none, or all of them. */
  missed: 'latest' | 'skip' | 'all';
}
