import { expect, test } from 'vitest';
import { scheduleOfCron, scheduleOfEvents } from '../../foreign/calendar.ts';

const ZONE = 'Europe/Berlin';
const of = (...events: string[]): unknown => {
  const schedule = scheduleOfEvents(events, ZONE);
  if (schedule === undefined) return undefined;
  const { timezone, ...rest } = schedule;
  expect(timezone).toBe(ZONE);
  return rest;
};

// The examples of systemd.time(7) that a policy can say, and more.
test.each([
  [['hourly'], { cron: '0 * * * *' }],
  [['daily'], { every: '1d', at: '00:00' }],
  [['weekly'], { every: '7d', day: 'monday', at: '00:00' }],
  [['monthly'], { cron: '0 0 1 * *' }],
  [['quarterly'], { cron: '0 0 1 1,4,7,10 *' }],
  [['05:40'], { every: '1d', at: '05:40' }],
  [['Wed, 17:48'], { every: '7d', day: 'wednesday', at: '17:48' }],
  [['Sat,Sun 08:05'], { cron: '5 8 * * 0,6' }],
  [['Sat,Thu,Mon..Wed,Sat..Sun'], { cron: '0 0 * * 0,1,2,3,4,6' }],
  [['Fri..Mon 1:2:3'], undefined],
  [['Fri..Mon 1:2:00'], { cron: '2 1 * * 0,1,5,6' }],
  [['*-*-7 0:0:0'], { cron: '0 0 7 * *' }],
  [['10-15'], { cron: '0 0 15 10 *' }],
  [['monday *-12-* 17:00'], { cron: '0 17 * 12 1' }],
  [['12,14,13,12:20,10,30'], { cron: '10,20,30 12,13,14 * * *' }],
  [['12..14:10,20,30'], { cron: '10,20,30 12,13,14 * * *' }],
  [['*:0/15'], { cron: '0,15,30,45 * * * *' }],
  [['*:00,30', '*:15,45'], { cron: '0,15,30,45 * * * *' }],
  [['Mon 02:00', 'Thu 02:00'], { cron: '0 2 * * 1,4' }],
  // 02:00 and 14:30 are not 02:30.
  [['02:00', '14:30'], undefined],
  // systemd wants both, cron either.
  [['Mon,Fri *-*-3,1,2 *:30'], undefined],
  [['2003-03-05 05:40'], undefined],
  [['*:61'], undefined],
  [['noon'], undefined],
  [['daily UTC'], undefined],
  [[''], undefined],
])('%j', (events, expected) => {
  expect(of(...events)).toEqual(expected);
});

test('cron stays what it is, and a time of each day is written as one', () => {
  expect(scheduleOfCron('15 3 * * *', ZONE)).toEqual({ every: '1d', at: '03:15', timezone: ZONE });
  expect(scheduleOfCron('0  2 * * 1-5', ZONE)).toEqual({ cron: '0 2 * * 1-5', timezone: ZONE });
  expect(scheduleOfCron('@weekly', ZONE)).toEqual({ cron: '0 0 * * 0', timezone: ZONE });
  expect(scheduleOfCron('@reboot', ZONE)).toBeUndefined();
  expect(scheduleOfCron('0 0 1 1 * 2026', ZONE)).toBeUndefined();
});
