/** Where the time of an operation goes: seconds by group and by function, of the main thread and of the workers. */
import type { ThreadProfile } from './cpu-profile.ts';
import type { Measurement } from './round-records.ts';
import { describeFunction, groupOf, IDLE, isEntry, KERNELS, RUNTIME_GROUPS } from './profile-groups.ts';

export interface TimeShare {
  name: string;
  mainSeconds: number;
  workerSeconds: number;
  /** Of all time that was not idle, 0 to 1; 0 for the idle time itself. */
  share: number;
}

export interface OperationProfile {
  corpus: string;
  /** With the profiler's own cost in it. */
  measurement: Measurement;
  workers: number;
  /** Kernels first, in the order of the data; then the rest by its time. */
  groups: TimeShare[];
  /** Sum of the kernels' shares. */
  kernelShare: number;
  /** The most expensive functions, each without what it calls. */
  functions: TimeShare[];
}

/** `functionCount`: how many functions are named. */
export function summarizeProfiles(
  corpus: string,
  measurement: Measurement,
  profiles: ThreadProfile[],
  functionCount: number,
): OperationProfile {
  const groups = shares(profiles, groupOf);
  const kernels = KERNELS.map((name) => groups.find((group) => group.name === name) ?? nothing(name));
  const rest = groups.filter(({ name }) => !(KERNELS as readonly string[]).includes(name) && name !== IDLE);
  const idle = groups.find(({ name }) => name === IDLE) ?? nothing(IDLE);
  const functions = shares(profiles, describeFunction).filter(({ name }) => !isEntry(name));
  return {
    corpus,
    measurement,
    workers: profiles.filter(({ thread }) => thread !== 0).length,
    groups: [...kernels, ...rest, idle],
    kernelShare: kernels.reduce((sum, { share }) => sum + share, 0),
    functions: functions.slice(0, functionCount),
  };
}

/** Files of our own below this share are shown as one line. */
const LEAST_SHARE = 0.01;
const OWN_REST = 'other files of holdfast';

export function renderProfile(profile: OperationProfile): string {
  const { corpus, measurement, workers } = profile;
  const cpu = measurement.cpuSeconds === undefined ? '' : `, CPU ${measurement.cpuSeconds.toFixed(2)} s`;
  return [
    `${corpus} ${measurement.operation}: wall ${measurement.wallSeconds.toFixed(2)} s${cpu}, with the profiler's cost; main thread and ${workers} workers`,
    row(['', 'main s', 'workers s', 'share']),
    ...gathered(profile.groups).map(renderShare),
    `  the kernels (${KERNELS.join(', ')}) are ${percent(profile.kernelShare)} of what is not idle`,
    '  functions, each without what it calls:',
    ...profile.functions.map(renderShare),
    '',
  ].join('\n');
}

function gathered(groups: TimeShare[]): TimeShare[] {
  const named = [...KERNELS, ...RUNTIME_GROUPS, IDLE] as string[];
  const small = groups.filter(({ name, share }) => !named.includes(name) && share < LEAST_SHARE);
  const rest = small.reduce((sum, each) => add(sum, each), nothing(OWN_REST));
  const large = groups.filter((group) => !small.includes(group));
  return [...large.slice(0, -1), rest, ...large.slice(-1)];
}

function shares(
  profiles: ThreadProfile[],
  nameOf: (stack: ThreadProfile['stacks'][0]['stack']) => string,
): TimeShare[] {
  const byName = new Map<string, TimeShare>();
  for (const { thread, stacks } of profiles) {
    for (const { stack, seconds } of stacks) {
      const name = nameOf(stack);
      const time = byName.get(name) ?? nothing(name);
      byName.set(name, time);
      if (thread === 0) time.mainSeconds += seconds;
      else time.workerSeconds += seconds;
    }
  }
  const all = [...byName.values()];
  const isIdle = ({ name }: TimeShare): boolean => name === IDLE || name === '(idle)';
  const busy = all.filter((time) => !isIdle(time)).reduce((sum, time) => sum + secondsOf(time), 0);
  for (const time of all) time.share = isIdle(time) || busy === 0 ? 0 : secondsOf(time) / busy;
  return all.toSorted((a, b) => secondsOf(b) - secondsOf(a));
}

function nothing(name: string): TimeShare {
  return { name, mainSeconds: 0, workerSeconds: 0, share: 0 };
}

function add(a: TimeShare, b: TimeShare): TimeShare {
  return {
    name: a.name,
    mainSeconds: a.mainSeconds + b.mainSeconds,
    workerSeconds: a.workerSeconds + b.workerSeconds,
    share: a.share + b.share,
  };
}

function secondsOf({ mainSeconds, workerSeconds }: TimeShare): number {
  return mainSeconds + workerSeconds;
}

function renderShare({ name, mainSeconds, workerSeconds, share }: TimeShare): string {
  return row([name, mainSeconds.toFixed(3), workerSeconds.toFixed(3), name === IDLE ? '' : percent(share)]);
}

function row([name = '', ...figures]: string[]): string {
  return `  ${name.padEnd(64)}${figures.map((figure) => figure.padStart(11)).join('')}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
