/** What the engine has to reach beside its peers, and whether it did. */
import { HOLDFAST, type Program } from './programs.ts';
import type { Row } from './summarize-rounds.ts';

const MiB = 1024 * 1024;

/** Wall time on two cores as a multiple of a peer's. */
interface WallTarget {
  corpus: string;
  operation: string;
  /** At most, × the wall time of restic 0.14, which Debian has. */
  must: number;
  /** At most, × the wall time of the fastest peer. */
  aim: number;
}

const WALL_TARGETS: WallTarget[] = [
  { corpus: 'tree', operation: 'backup', must: 0.7, aim: 0.5 },
  { corpus: 'tree', operation: 'again', must: 0.4, aim: 0.9 },
  { corpus: 'tree', operation: 'restore', must: 0.75, aim: 0.6 },
  { corpus: 'tree', operation: 'check', must: 0.65, aim: 0.9 },
  { corpus: 'big', operation: 'backup', must: 0.75, aim: 0.8 },
  { corpus: 'big', operation: 'restore', must: 0.8, aim: 0.9 },
  { corpus: 'big', operation: 'check', must: 0.65, aim: 0.9 },
  { corpus: 'database', operation: 'edited', must: 0.8, aim: 0.6 },
];
const PEAK_BYTES = { must: 350 * MiB, aim: 250 * MiB };
const STORED_TIMES_RESTIC = 1.03;

export interface Verdict {
  level: 'must' | 'aim';
  corpus: string;
  operation: string;
  figure: 'wall' | 'peak' | 'stored';
  /** What it is measured against: a program's name, or undefined for a size. */
  against: string | undefined;
  limit: number;
  /** A ratio, or bytes for `peak`; undefined when it was not measured. */
  value: number | undefined;
}

/** Of what may be at most so much. */
export function isMissed({ value, limit }: { value: number | undefined; limit: number }): boolean {
  return value !== undefined && value > limit;
}

/** One verdict for each target of each piece of work that was measured. */
export function judgeRows(rows: Row[], programs: Pick<Program, 'name' | 'kind' | 'version'>[]): Verdict[] {
  const debian = programs.find(({ kind, version }) => kind === 'restic' && version.startsWith('restic 0.14.'))?.name;
  const peers = programs.filter(({ kind }) => kind !== HOLDFAST).map(({ name }) => name);
  return rows
    .filter(({ program }) => program === HOLDFAST)
    .flatMap((own): Verdict[] => {
      const { corpus, operation } = own;
      const rivals = rows.filter((row) => row.corpus === corpus && row.operation === operation);
      return [
        ...judgeWall(own, rivals, debian, peers),
        {
          level: 'must',
          corpus,
          operation,
          figure: 'peak',
          against: undefined,
          limit: PEAK_BYTES.must,
          value: own.highest.peakBytes,
        },
        {
          level: 'aim',
          corpus,
          operation,
          figure: 'peak',
          against: undefined,
          limit: PEAK_BYTES.aim,
          value: own.highest.peakBytes,
        },
        ...judgeStored(own, rivals, debian),
      ];
    });
}

function judgeWall({ corpus, operation }: Row, rivals: Row[], debian: string | undefined, peers: string[]): Verdict[] {
  const target = WALL_TARGETS.find((each) => each.corpus === corpus && each.operation === operation);
  if (target === undefined) return [];
  const best = fastest(rivals.filter(({ program }) => peers.includes(program)));
  const shared = { corpus, operation, figure: 'wall' } as const;
  return [
    { ...shared, level: 'must', against: debian, limit: target.must, value: ratioTo(rivals, debian, 'wallSeconds') },
    { ...shared, level: 'aim', against: best?.program, limit: target.aim, value: best?.ratios.wallSeconds?.median },
  ];
}

function judgeStored({ corpus, operation, medians }: Row, rivals: Row[], debian: string | undefined): Verdict[] {
  if (medians.storedBytes === undefined) return [];
  const value = ratioTo(rivals, debian, 'storedBytes');
  return [{ level: 'must', corpus, operation, figure: 'stored', against: debian, limit: STORED_TIMES_RESTIC, value }];
}

function ratioTo(rivals: Row[], name: string | undefined, figure: 'wallSeconds' | 'storedBytes'): number | undefined {
  return rivals.find(({ program }) => program === name)?.ratios[figure]?.median;
}

/** The peer to which holdfast's ratio is worst. */
export function fastest(peers: Row[]): Row | undefined {
  return peers
    .filter(({ ratios }) => ratios.wallSeconds !== undefined)
    .toSorted((a, b) => (b.ratios.wallSeconds?.median ?? 0) - (a.ratios.wallSeconds?.median ?? 0))[0];
}

/** How much of what was measured was reached, in a sentence. */
export function conclude<Judged extends Pick<Verdict, 'level' | 'value'>>(
  verdicts: readonly Judged[],
  isJudgedMissed: (verdict: Judged) => boolean,
  scale: number,
): string {
  const reached = (level: Verdict['level']): string => {
    const all = verdicts.filter((verdict) => verdict.level === level && verdict.value !== undefined);
    return `${all.filter((verdict) => !isJudgedMissed(verdict)).length} of ${all.length} measured`;
  };
  const hint = scale === 1 ? '' : ` At scale ${scale} that is a hint and no more.`;
  return `Reached: ${reached('must')} that must be, ${reached('aim')} that are aimed at.${hint}`;
}
