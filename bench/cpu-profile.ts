/** What V8's sampling profiler wrote (`node --cpu-prof`): the time of each call stack, thread by thread. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Frame {
  /** Empty for an anonymous function. */
  functionName: string;
  /** `file:` for code of a checkout, `node:` for Node's own, empty for native code. */
  url: string;
}

export interface StackTime {
  /** From the function that was running to the one that was called first. */
  stack: Frame[];
  seconds: number;
}

export interface ThreadProfile {
  /** 0 is the main thread. */
  thread: number;
  stacks: StackTime[];
}

/** The parts that are read of a .cpuprofile, as the DevTools protocol's type Profiler.Profile describes it. */
interface RecordedProfile {
  nodes: { id: number; callFrame: Frame; children?: number[] }[];
  /** Node ids, one for each sample. */
  samples: number[];
  /** Microseconds from the sample before. */
  timeDeltas: number[];
}

/** The options of Node that have it write one profile for each thread into `folder`. */
export function profilingOptions(folder: string): string[] {
  return ['--cpu-prof', '--cpu-prof-interval=500', `--cpu-prof-dir=${folder}`];
}

/** All profiles in the folder, the main thread's first. A file's name is CPU.DATE.TIME.PID.THREAD.NUMBER.cpuprofile. */
export function readCpuProfiles(folder: string): ThreadProfile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => {
      const recorded = JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as RecordedProfile;
      return { thread: Number(name.split('.')[4]), stacks: readStacks(recorded) };
    })
    .toSorted((a, b) => a.thread - b.thread);
}

export function readStacks({ nodes, samples, timeDeltas }: RecordedProfile): StackTime[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const microseconds = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    microseconds.set(id, (microseconds.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return [...microseconds].map(([leaf, sum]) => {
    const stack: Frame[] = [];
    for (let id: number | undefined = leaf; id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame;
      if (frame !== undefined) stack.push({ functionName: frame.functionName, url: frame.url });
    }
    return { stack, seconds: sum / 1_000_000 };
  });
}
