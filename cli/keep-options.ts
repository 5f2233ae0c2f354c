/** The `--keep-…` options of `forget`: restic's rules, under restic's names. */
import { InvalidArgumentError, type Command } from 'commander';
import { parseRetentionPeriod } from '../common/retention-period.ts';
import type { KeepRules } from '../domain/action.ts';
import { repeatable } from './command.ts';

const COUNTS = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const PERIODS = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

/** As commander names them: `keepDaily`, `keepWithinDaily`. */
export interface KeepOptions {
  keepLast?: number;
  keepHourly?: number;
  keepDaily?: number;
  keepWeekly?: number;
  keepMonthly?: number;
  keepYearly?: number;
  keepWithin?: string;
  keepWithinHourly?: string;
  keepWithinDaily?: string;
  keepWithinWeekly?: string;
  keepWithinMonthly?: string;
  keepWithinYearly?: string;
  keepTag: string[];
}

export function addKeepOptions(command: Command): Command {
  for (const name of COUNTS) {
    const what =
      name === 'last'
        ? 'the newest n snapshots'
        : `the newest of each of n ${name.replace(/ly$/, '').replace('dai', 'day')}s`;
    command.option(`--keep-${name} <n>`, `keep ${what} (-1: all)`, parseCount);
  }
  command.option(
    '--keep-within <period>',
    'keep all younger than this, counted from the newest (1y6mo, 30d, 48h)',
    checkPeriod,
  );
  for (const name of PERIODS) {
    command.option(`--keep-within-${name} <period>`, `keep the ${name} snapshots within this period`, checkPeriod);
  }
  return command.option(
    '--keep-tag <tag>',
    'keep snapshots with this tag (several joined by commas: with all of them; may be given again)',
    repeatable,
    [],
  );
}

export function readKeepRules(options: KeepOptions): KeepRules {
  return {
    last: options.keepLast,
    hourly: options.keepHourly,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
    within: options.keepWithin,
    withinHourly: options.keepWithinHourly,
    withinDaily: options.keepWithinDaily,
    withinWeekly: options.keepWithinWeekly,
    withinMonthly: options.keepWithinMonthly,
    withinYearly: options.keepWithinYearly,
    ...(options.keepTag.length > 0 && { tags: options.keepTag }),
  };
}

function parseCount(text: string): number {
  if (!/^(-1|\d{1,9})$/.test(text)) throw new InvalidArgumentError('Give a whole number, or -1 for all.');
  return Number(text);
}

/** Refused here, before a repository is opened for a rule that says nothing. */
function checkPeriod(text: string): string {
  parseRetentionPeriod(text);
  return text;
}
