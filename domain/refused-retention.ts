/** Retentions that `maxForget` refuses each time, so that nothing is ever forgotten. */
import type { RetentionRules } from './action.ts';
import type { Schedule } from './schedule.ts';
import { slotTimes } from './schedule-slots.ts';
import { SimulatedRepository } from './simulated-repository.ts';

/** Any day: what repeats is the same from each. */
const FROM = Date.UTC(2026, 0, 1);
const TO = FROM + 10 * 366 * 86_400_000;
/** While more and more is there, so many refusals in a row do not end. */
const REFUSALS = 5;
/** What so many runs have done, later ones do, too. */
const RUNS_THAT_DO = 3;
/** Snapshots that are played at most, so that validation never takes long: what comes more often is not judged. */
const MOST_SNAPSHOTS = 2000;
/** After so many runs that forget something, the share that goes in one has settled. */
const RUNS_OF_SHARE = 30;

export interface RefusedRetention {
  /** Of the first of the runs that are refused: how many snapshots it would forget, of how many. */
  going: number;
  snapshots: number;
  /** The largest share (0-1) that goes in one run where none is refused. */
  neededShare: number;
}

/** What is played: snapshots made by one schedule, and forgotten by another. */
export interface PlayedRetention {
  backup: Schedule;
  /** Of the snapshots, for rules that keep tags. */
  tags: readonly string[];
  retention: Schedule;
  rules: RetentionRules;
}

/** Whether no run forgets anything any more, because each would forget too much. */
export function forgetsNoMore({
  forgotten,
  refusedAtEnd,
}: Pick<SimulatedRepository, 'forgotten' | 'refusedAtEnd'>): boolean {
  return refusedAtEnd >= REFUSALS || (refusedAtEnd > 0 && forgotten === 0);
}

/**
 * Plays backups and their retention from nothing, by the rules of real runs. undefined: it forgets, or keeps so much
 * before anything has to go that no run can exceed its share.
 */
export function findRefusedRetention(played: PlayedRetention): RefusedRetention | undefined {
  const repository = new SimulatedRepository('', played.tags);
  let first: Pick<RefusedRetention, 'going' | 'snapshots'> | undefined;
  let done = 0;
  for (const { added, snapshots, going } of retentionRuns(played, repository)) {
    const { refusedAtEnd } = repository;
    if (refusedAtEnd === 1) first = { going, snapshots };
    if (refusedAtEnd === REFUSALS) break;
    if (refusedAtEnd > 0) continue;
    if (going > 0) done++;
    // A run forgets about as many as came since the one before.
    if (done === RUNS_THAT_DO || snapshots * played.rules.maxForgetShare > 2 * added) return undefined;
  }
  return first === undefined ? undefined : { ...first, neededShare: neededShare(played) };
}

function neededShare({ rules, ...played }: PlayedRetention): number {
  let share = 0;
  let runs = 0;
  const unlimited = { ...played, rules: { ...rules, maxForgetShare: 1 } };
  for (const { snapshots, going } of retentionRuns(unlimited, new SimulatedRepository('', played.tags))) {
    if (snapshots > 0) share = Math.max(share, going / snapshots);
    if (going > 0 && ++runs === RUNS_OF_SHARE) break;
  }
  return share;
}

/** Each run of the retention, after it has run: what came since the one before, what there was, and what would go of it. */
function* retentionRuns(
  { backup, retention, rules }: PlayedRetention,
  repository: SimulatedRepository,
): Generator<{ added: number; snapshots: number; going: number }> {
  let from: number | undefined;
  let all = 0;
  for (const now of slotTimes(retention, FROM, TO)) {
    // In force a moment after its time: the first run then has the most to forget.
    if (from === undefined) {
      from = now;
      continue;
    }
    let added = 0;
    for (const at of slotTimes(backup, from, now)) {
      repository.add(at);
      added++;
      if (++all > MOST_SNAPSHOTS) return;
    }
    from = now;
    const snapshots = repository.snapshots.length;
    yield { added, snapshots, going: repository.forget({ rules }, now) };
  }
}
