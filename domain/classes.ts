/** Importance classes: the intervals, objectives and keep rules of policies that write none. */
import { parseDuration } from '../common/durations.ts';
import type { ImportanceClass, Project } from '../schemas/types.ts';
import type { KeepRules, Objectives } from './action.ts';

export interface ClassSettings {
  /** As `every` is written, so that messages can show it. */
  syncEvery: string;
  backupEvery: string;
  restoreTestEvery: string;
  accessCheckEvery: string;
  objectives: Objectives;
  /** What `keep: class` means. */
  keep: KeepRules;
}

const HOUR = 3600;

/** The table of the language page. */
export const BUILT_IN_CLASSES: Readonly<Record<'critical' | 'high' | 'normal' | 'low', ClassSettings>> = {
  critical: {
    syncEvery: '15m',
    backupEvery: '1h',
    restoreTestEvery: '7d',
    accessCheckEvery: '1d',
    objectives: { rpoSeconds: 2 * HOUR, rtoSeconds: HOUR },
    keep: { hourly: 48, daily: 30, weekly: 12, monthly: 24 },
  },
  high: {
    syncEvery: '1h',
    backupEvery: '6h',
    restoreTestEvery: '14d',
    accessCheckEvery: '1d',
    objectives: { rpoSeconds: 12 * HOUR, rtoSeconds: 4 * HOUR },
    keep: { daily: 14, weekly: 8, monthly: 12 },
  },
  normal: {
    syncEvery: '1d',
    backupEvery: '1d',
    restoreTestEvery: '30d',
    accessCheckEvery: '7d',
    objectives: { rpoSeconds: 36 * HOUR, rtoSeconds: 24 * HOUR },
    keep: { daily: 7, weekly: 4, monthly: 6 },
  },
  low: {
    syncEvery: '7d',
    backupEvery: '7d',
    restoreTestEvery: '90d',
    accessCheckEvery: '30d',
    objectives: { rpoSeconds: 14 * 24 * HOUR, rtoSeconds: 72 * HOUR },
    keep: { weekly: 4, monthly: 3 },
  },
};

export const DEFAULT_CLASS = 'normal';

/** The names of all classes: the built-in ones and the Project's. */
export function classNames(project: Project | undefined): string[] {
  return [...new Set([...Object.keys(BUILT_IN_CLASSES), ...Object.keys(project?.spec?.importance ?? {})])];
}

/** One class as the Project has it: its own words, the rest from the built-in class of that name, else from `normal`. */
export function classSettings(name: string, project: Project | undefined): ClassSettings {
  const base = Object.hasOwn(BUILT_IN_CLASSES, name)
    ? BUILT_IN_CLASSES[name as keyof typeof BUILT_IN_CLASSES]
    : BUILT_IN_CLASSES[DEFAULT_CLASS];
  const classes = project?.spec?.importance ?? {};
  const own: ImportanceClass = (Object.hasOwn(classes, name) ? classes[name] : undefined) ?? {};
  return {
    syncEvery: own.sync?.every ?? base.syncEvery,
    backupEvery: own.backup?.every ?? base.backupEvery,
    restoreTestEvery: own.restoreTest?.every ?? base.restoreTestEvery,
    accessCheckEvery: own.accessCheck?.every ?? base.accessCheckEvery,
    objectives: resolveObjectives(own.objectives ?? {}, base.objectives),
    keep: own.retention?.keep ?? base.keep,
  };
}

/** Written objectives, the rest from a class. */
export function resolveObjectives(written: { rpo?: string; rto?: string }, base: Objectives): Objectives {
  return {
    rpoSeconds: written.rpo === undefined ? base.rpoSeconds : parseDuration(written.rpo),
    rtoSeconds: written.rto === undefined ? base.rtoSeconds : parseDuration(written.rto),
  };
}
