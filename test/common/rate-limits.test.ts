import { expect, it } from 'vitest';
import { rateClock } from '../../common/rate-limits.ts';

const at = (text: string): Date => new Date(text);

it('there is no clock where there is no limit, and one rate all day where no time is named', () => {
  expect(rateClock({})).toBeUndefined();
  expect(rateClock({ times: [] })).toBeUndefined();
  const rates = rateClock({ uploadBytesPerSecond: 5 })!;
  expect(rates(at('2026-01-01T00:00:00Z'))).toEqual({ uploadBytesPerSecond: 5 });
});

it('a part of the day begins with its first minute and ends before its last, and the first that is now counts', () => {
  const rates = rateClock({
    uploadBytesPerSecond: 50,
    downloadBytesPerSecond: 100,
    times: [
      { fromMinute: 8 * 60, toMinute: 18 * 60, uploadBytesPerSecond: 2 },
      { fromMinute: 17 * 60, toMinute: 19 * 60, uploadBytesPerSecond: 3, downloadBytesPerSecond: 4 },
    ],
  })!;
  const upload = (time: string) => rates(at(`2026-11-25T${time}Z`)).uploadBytesPerSecond;
  expect(['07:59:59', '08:00:00', '17:59:59', '18:00:00', '19:00:00'].map(upload)).toEqual([50, 2, 2, 3, 50]);
  expect(rates(at('2026-11-25T12:00:00Z'))).toEqual({ uploadBytesPerSecond: 2, downloadBytesPerSecond: 100 });
});

it('a part of the day may pass midnight, and is free where nothing else is said', () => {
  const rates = rateClock({ times: [{ fromMinute: 22 * 60, toMinute: 6 * 60, downloadBytesPerSecond: 9 }] })!;
  const hours = ['21:59', '22:00', '00:00', '05:59', '06:00'];
  const answers = hours.map((time) => rates(at(`2026-11-25T${time}:00Z`)).downloadBytesPerSecond);
  expect(answers).toEqual([undefined, 9, 9, 9, undefined]);
});

it('hours are those of the clocks of the zone, in summer and in winter', () => {
  const times = [{ fromMinute: 8 * 60, toMinute: 9 * 60, uploadBytesPerSecond: 1 }];
  const rates = rateClock({ timezone: 'Europe/Berlin', times })!;
  const slow = (time: string) => rates(at(time)).uploadBytesPerSecond === 1;
  expect(['2026-07-01T06:30:00Z', '2026-07-01T07:30:00Z'].map(slow)).toEqual([true, false]);
  expect(['2026-12-01T06:30:00Z', '2026-12-01T07:30:00Z'].map(slow)).toEqual([false, true]);
});
