/** What transfers to remote locations have to reach beside other programs, and whether they did. */
import { HOLDFAST } from './programs.ts';
import type { Row } from './summarize-rounds.ts';
import { fastest, isMissed } from './targets.ts';

const MiB = 1024 * 1024;

/** Of all transfers. */
const PEAK_BYTES = 250 * MiB;

export interface TransferVerdict {
  level: 'must' | 'aim';
  server: string;
  transfer: string;
  /** `speed`: how many times as fast as the peer; `wall`: the time, as a multiple of the peer's; `peak`: bytes. */
  figure: 'speed' | 'wall' | 'peak';
  /** A program's name, or undefined for a size. */
  against: string | undefined;
  /** At least for `speed`, at most for the others. */
  limit: number;
  /** Undefined when it was not measured. */
  value: number | undefined;
}

export function isTransferMissed(verdict: TransferVerdict): boolean {
  const { figure, value, limit } = verdict;
  return figure === 'speed' ? value !== undefined && value < limit : isMissed(verdict);
}

/** One or more verdicts for each transfer that holdfast did. */
export function judgeTransfers(rows: Row[]): TransferVerdict[] {
  return rows
    .filter(({ program }) => program === HOLDFAST)
    .flatMap((own): TransferVerdict[] => {
      const shared = { server: own.corpus, transfer: own.operation };
      const rivals = rows.filter((row) => row.corpus === own.corpus && row.operation === own.operation);
      const peak = { level: 'must', figure: 'peak', against: undefined, limit: PEAK_BYTES } as const;
      return [
        ...judgeSpeed(rivals).map((verdict) => ({ ...shared, ...verdict })),
        { ...shared, ...peak, value: own.highest.peakBytes },
      ];
    });
}

type Judged = Omit<TransferVerdict, 'server' | 'transfer'>;

function judgeSpeed(rivals: Row[]): Judged[] {
  switch (rivals[0]?.operation) {
    case 'put':
    case 'get': {
      const best = fastest(rivals)?.program;
      const value = speedOver(rivals, best);
      return [
        { level: 'must', figure: 'speed', against: best, limit: 0.85, value },
        { level: 'aim', figure: 'speed', against: best, limit: 1, value },
      ];
    }
    case 'files':
      return [
        { level: 'must', figure: 'speed', against: 'rclone', limit: 3, value: speedOver(rivals, 'rclone') },
        { level: 'must', figure: 'speed', against: 'rclone-best', limit: 1.5, value: speedOver(rivals, 'rclone-best') },
      ];
    case 'backup':
      return rivals
        .filter(({ program }) => program.startsWith('restic'))
        .map(({ program, ratios }) => ({
          level: 'must',
          figure: 'wall',
          against: program,
          limit: 0.8,
          value: ratios.wallSeconds?.median,
        }));
    default:
      return [];
  }
}

function speedOver(rivals: Row[], peer: string | undefined): number | undefined {
  const ratio = rivals.find(({ program }) => program === peer)?.ratios.wallSeconds?.median;
  return ratio === undefined ? undefined : 1 / ratio;
}
