/** Rates of a location by the time of day: which of them holds now. */

/** Bytes a second; absent: no limit. */
export interface RateLimits {
  uploadBytesPerSecond?: number;
  downloadBytesPerSecond?: number;
}

/** Rates of a part of the day, by the clocks of the limits' zone; what it does not name is as at other times. */
export interface TimedRates extends RateLimits {
  /** Minutes since midnight. */
  fromMinute: number;
  /** Exclusive; below `fromMinute`: on the next day. */
  toMinute: number;
}

export interface RateTimetable extends RateLimits {
  /** The first that is now counts. */
  times?: TimedRates[];
  /** IANA name; absent: UTC. */
  timezone?: string;
}

/** Answers which rates hold at an instant; undefined when there is no limit at any time. */
export function rateClock(timetable: RateTimetable): ((now: Date) => RateLimits) | undefined {
  const { uploadBytesPerSecond, downloadBytesPerSecond, times = [], timezone = 'UTC' } = timetable;
  const always: RateLimits = {
    ...(uploadBytesPerSecond === undefined ? {} : { uploadBytesPerSecond }),
    ...(downloadBytesPerSecond === undefined ? {} : { downloadBytesPerSecond }),
  };
  if (times.length === 0) return Object.keys(always).length === 0 ? undefined : () => always;
  const rates = times.map(({ fromMinute, toMinute, ...named }) => ({
    fromMinute,
    toMinute,
    limits: { ...always, ...named },
  }));
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    numberingSystem: 'latn',
    hourCycle: 'h23',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (now) => {
    const minute = minuteOfDay(clock, now);
    return rates.find(({ fromMinute, toMinute }) => covers(fromMinute, toMinute, minute))?.limits ?? always;
  };
}

function covers(from: number, to: number, minute: number): boolean {
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

function minuteOfDay(clock: Intl.DateTimeFormat, now: Date): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of clock.formatToParts(now)) parts[type] = Number(value);
  return (parts['hour'] ?? 0) * 60 + (parts['minute'] ?? 0);
}
