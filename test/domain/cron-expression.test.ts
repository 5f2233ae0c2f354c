import { describe, expect, test } from 'vitest';
import { parseCron } from '../../domain/cron-expression.ts';

const minutes = (field: string) => [...parseCron(`${field} 0 * * *`).minutesOfDay];
const weekdays = (field: string) => [...parseCron(`0 0 * * ${field}`).daysOfWeek].toSorted();
const months = (field: string) => [...parseCron(`0 0 1 ${field} *`).months].toSorted((a, b) => a - b);

describe('fields mean what they mean to Temporal', () => {
  test.each([
    ['5', [5]],
    ['1-5', [1, 2, 3, 4, 5]],
    ['1-5/2', [1, 3, 5]],
    ['50/5', [50, 55]],
    ['*/20', [0, 20, 40]],
    ['1-5/2,8,2', [1, 2, 3, 5, 8]],
  ])('%s', (field, expected) => expect(minutes(field)).toEqual(expected));

  test.each([
    ['7', [0]],
    ['5-7', [0, 5, 6]],
    ['3-7/3', [3, 6]],
    ['1-7/2', [0, 1, 3, 5]],
    ['Mon-fri', [1, 2, 3, 4, 5]],
    ['we,SUNDAY', [0, 3]],
  ])('%s as weekdays', (field, expected) => expect(weekdays(field)).toEqual(expected));

  test('months have names, too', () => expect(months('jan,Oct-dec')).toEqual([1, 10, 11, 12]));

  test('minutes and hours together are the minutes of a day', () =>
    expect(parseCron('0,30 2,14 * * *').minutesOfDay).toEqual([120, 150, 840, 870]));
});

test.each([
  ['61 2 * * *', 'the minute 61 is not between 0 and 59'],
  ['0 0 L * *', '"L" is no day of the month'],
  ['0 0 * * 5#2', '"5#2" is no day of the week'],
  ['0 0 * * fri-mon', 'the range "fri-mon" ends before it begins'],
  ['0 0 * * m', '"m" is no day of the week'],
  ['*/0 * * * *', '"*/0" has a step that is no number above 0'],
  ['1/2/3 * * * *', '"1/2/3" has two steps'],
  ['1-2-3 * * * *', '"1-2-3" is no range'],
  ['0 0 * * * *', 'it has 6 fields, not 5'],
  [' 0 0 * * *', 'it has 6 fields, not 5'],
  ['0, 0 * * *', '"" is no minute'],
])('%j is refused: %s', (expression, message) => expect(() => parseCron(expression)).toThrow(message));
