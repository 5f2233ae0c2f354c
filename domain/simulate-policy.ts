/** One policy on virtual time: its backups, copies, retentions and restore tests in the order in which they end. */
import type { Action, RestoreTestSettings } from './action.ts';
import type { GrowthModel } from './growth-model.ts';
import { simulateRpo, simulateRto } from './simulated-objectives.ts';
import { SimulatedRepository } from './simulated-repository.ts';
import type { SimulatedRun } from './simulated-runs.ts';
import type { StoredData } from './simulated-storage.ts';
import type { SimulatedHolding, SimulatedPolicy } from './simulation.ts';
import { spread } from './turns.ts';

const DAY_MS = 86_400_000;
/** Of a restore test with mixed snapshots: each so many take an older one. */
const OLDER_EVERY = 4;

export interface PlayedAction {
  action: Action;
  runs: readonly SimulatedRun[];
  skipped: number;
}

export interface PolicyInput {
  policy: string;
  actions: readonly PlayedAction[];
  from: number;
  days: number;
  growth?: GrowthModel | undefined;
  /** What a restore of everything took at the beginning. */
  restoreSeconds?: number | undefined;
}

interface Event {
  at: number;
  happen(): void;
}

/** `stored`: what each repository holds is added to it, by the repository's name. */
export function simulatePolicy(input: PolicyInput, stored: Map<string, StoredData>): SimulatedPolicy {
  const { policy, actions, from, days } = input;
  const repositories = new Map<string, SimulatedRepository>();
  const repositoryOf = (name: string): SimulatedRepository => {
    let known = repositories.get(name);
    if (known === undefined) repositories.set(name, (known = new SimulatedRepository(name, tagsOf(input, name))));
    return known;
  };
  const events = actions
    .flatMap(({ action, runs }) =>
      runs
        .filter(({ timedOut }) => !timedOut)
        .map((run, turn) => eventOf(input, action, run, turn, repositoryOf, stored)),
    )
    .filter((event) => event !== undefined)
    .sort((a, b) => a.at - b.at);
  const holdings = new Map<string, SimulatedHolding>();
  let next = 0;
  for (let day = 0; day < days; day++) {
    const end = from + (day + 1) * DAY_MS;
    for (; next < events.length && events[next]!.at < end; next++) events[next]!.happen();
    for (const repository of repositories.values()) note(repository, day, input, holdings, stored);
  }
  return {
    policy,
    ...importanceOf(input),
    ...objectivesOf(input),
    skipped: actions.reduce((sum, { skipped }) => sum + skipped, 0),
    repositories: [...repositories.values()].map((repository) => ({
      ...holdings.get(repository.name)!,
      forgotten: repository.forgotten,
      refused: repository.refused,
      refusedAtEnd: repository.refusedAtEnd,
      kept: repository.snapshots.toReversed().map(({ at, reasons }) => ({
        time: new Date(at).toISOString(),
        reasons: reasons.length === 0 ? ['new'] : reasons,
      })),
    })),
  };
}

/** A retention plans when it begins; what others make is there when they end. */
function eventOf(
  { growth, from }: PolicyInput,
  { settings }: Action,
  run: SimulatedRun,
  turn: number,
  repositoryOf: (name: string) => SimulatedRepository,
  stored: Map<string, StoredData>,
): Event | undefined {
  switch (settings.kind) {
    case 'backup': {
      const repository = repositoryOf(settings.repository.name);
      return { at: run.end, happen: () => repository.add(run.start) };
    }
    case 'copy': {
      const [source, target] = [repositoryOf(settings.from.name), repositoryOf(settings.to.name)];
      return { at: run.end, happen: () => target.merge(target.lacking(source, settings, run.start)) };
    }
    case 'retention': {
      const repository = repositoryOf(settings.repository.name);
      const happen = (): void => {
        const before = growth === undefined ? 0 : repository.storedBytes(growth, from);
        repository.forget(settings, run.start);
        if (growth === undefined) return;
        const bytes = before - repository.storedBytes(growth, from);
        if (bytes > 0) storedIn(stored, repository.name).freed.push({ at: run.start, bytes });
      };
      return { at: run.start, happen };
    }
    case 'restore-test': {
      const name = settings.repositories[turn % settings.repositories.length]!.name;
      const repository = repositoryOf(name);
      return { at: run.end, happen: () => prove(repository, settings, run, turn) };
    }
    default:
      return undefined;
  }
}

function prove(
  repository: SimulatedRepository,
  { snapshot }: RestoreTestSettings,
  { slot }: SimulatedRun,
  turn: number,
): void {
  const { snapshots } = repository;
  const takesOlder = snapshot === 'random' || (snapshot === 'mixed' && turn % OLDER_EVERY === OLDER_EVERY - 1);
  const tested = takesOlder ? snapshots[Math.floor(spread(String(slot)) * snapshots.length)] : snapshots.at(-1);
  if (tested !== undefined) repository.prove(tested);
}

function note(
  repository: SimulatedRepository,
  day: number,
  { growth, from, days }: PolicyInput,
  holdings: Map<string, SimulatedHolding>,
  stored: Map<string, StoredData>,
): void {
  const { name } = repository;
  let holding = holdings.get(name);
  if (holding === undefined) {
    holding = { repository: name, perDay: [], reasons: {}, forgotten: 0, refused: 0, refusedAtEnd: 0, kept: [] };
    holdings.set(name, holding);
  }
  holding.perDay.push(repository.snapshots.length);
  for (const [reason, count] of repository.countReasons())
    (holding.reasons[reason] ??= Array.from({ length: days }, () => 0))[day] = count;
  if (growth === undefined) return;
  const { held } = storedIn(stored, name);
  held[day] = (held[day] ?? 0) + repository.storedBytes(growth, from);
}

function storedIn(stored: Map<string, StoredData>, name: string): StoredData {
  let known = stored.get(name);
  if (known === undefined) stored.set(name, (known = { held: [], freed: [] }));
  return known;
}

/** Keep rules may name tags: those of the backup into the repository; copies keep theirs. */
function tagsOf({ policy, actions }: PolicyInput, repository: string): string[] {
  const backups = actions.flatMap(({ action: { settings } }) => (settings.kind === 'backup' ? [settings] : []));
  const own = backups.find((settings) => settings.repository.name === repository) ?? backups[0];
  return ['holdfast', `policy=${policy}`, ...(own?.tags ?? [])];
}

function importanceOf({ actions }: PolicyInput): { importance?: string } {
  const importance = actions[0]?.action.importance;
  return importance === undefined ? {} : { importance };
}

function objectivesOf({
  actions,
  from,
  days,
  growth,
  restoreSeconds,
}: PolicyInput): Pick<SimulatedPolicy, 'rpo' | 'rto'> {
  const backups = actions.filter(({ action }) => action.kind === 'backup');
  const objectives = backups.find(({ action }) => action.objectives !== undefined)?.action.objectives;
  if (objectives === undefined) return {};
  const rpo = simulateRpo(
    objectives.rpoSeconds,
    backups.map(({ action }) => action),
    backups.flatMap(({ runs }) => runs),
    from,
    from + days * DAY_MS,
  );
  const rto =
    restoreSeconds === undefined ? undefined : simulateRto(objectives.rtoSeconds, restoreSeconds, growth, from, days);
  return { ...(rpo === undefined ? {} : { rpo }), ...(rto === undefined ? {} : { rto }) };
}
