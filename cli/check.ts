/** `holdfast check`: whether a repository is whole, and the data in it what it was. */
import { HoldfastError } from '../common/errors.ts';
import { formatBytes } from '../common/sizes.ts';
import type { Finding } from '../domain/finding.ts';
import { needsAttention } from '../domain/findings.ts';
import { MAX_PARTS, type ReadDataPart } from '../domain/read-data-part.ts';
import type { CheckFigures } from '../domain/run-record.ts';
import { checkRepository } from '../repository/check-repository.ts';
import type { StartedThreads } from '../repository/started-threads.ts';
import { readerThreads } from './begin-early.ts';
import type { CliCommand, CliContext } from './command.ts';
import { count } from './display.ts';
import type { ExitStatus } from './exit-status.ts';
import { statusOfFindings, tellFindings } from './findings.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';
import { parseSizeOption } from './size-option.ts';

interface Options extends RepositoryOptions {
  readData?: boolean;
  readDataSubset?: string;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Verifies the structure of a repository; with --read-data also every byte in it.')
      .option('--read-data', 'read and verify all packs')
      .option(
        '--read-data-subset <part>',
        'read and verify a part: 5% or 2G of the packs, chosen at random, or the second of ten groups: 2/10',
      );
    addRepositoryOptions(command);
  },

  async run(context, { options }) {
    return checkWith(context, options, { readData: readDataPart(options), started: readerThreads() });
  },
};

interface CheckTools {
  readData: ReadDataPart;
  started: StartedThreads | undefined;
}

function checkWith(context: CliContext, options: Options, { readData, started }: CheckTools): Promise<ExitStatus> {
  const { output, json } = context;
  const access = { role: 'reader', lock: 'shared', beginsEarly: true } as const;
  return withRepository(context, options, access, async (repository, signal, _, held) => {
    const progress = output.progress();
    const { figures, problems } = await checkRepository(repository, { readData, signal, progress, started }).finally(
      () => progress.finish(),
    );
    await held;
    if (json) output.json({ ...figures, findings: problems, requests: repository.storage.counts?.() });
    tellFindings(output, problems);
    output.say(summaryOf(figures, problems));
    return statusOfFindings(problems);
  });
}

function summaryOf(figures: CheckFigures, problems: readonly Finding[]): string {
  const read =
    figures.packsRead === 0
      ? 'no data read'
      : `${count(figures.packsRead, 'pack')} read (${formatBytes(figures.bytesRead)})`;
  const real = problems.filter(needsAttention).length;
  const verdict = real === 0 ? 'no problem found' : count(real, 'problem');
  return `${verdict} in ${count(figures.snapshots, 'snapshot')}, ${count(figures.packs, 'pack')}, ${count(figures.blobs, 'blob')}; ${read}`;
}

const GROUP = /^(\d{1,6})\/(\d{1,6})$/;

/** As restic reads it: `n/m` a group, `x%` a share at random, anything else a size. Throws Usage. */
export function readDataPart({ readData, readDataSubset: subset }: Options): ReadDataPart {
  if (subset === undefined) return { kind: readData === true ? 'all' : 'none' };
  if (readData === true)
    throw new HoldfastError('Usage', '--read-data and --read-data-subset are both given', {
      hint: 'leave one of them out',
    });
  const part = groupOf(subset) ?? shareOf(subset) ?? sizeOf(subset);
  if (part !== undefined) return part;
  throw new HoldfastError('Usage', `"${subset}" names no part of the data`, {
    hint: `write it as a share, 5%, as a size, 2G, or as the second of ten groups, 2/10, of which there are at most ${MAX_PARTS}`,
  });
}

function groupOf(subset: string): ReadDataPart | undefined {
  const match = GROUP.exec(subset);
  if (match === null) return undefined;
  const [part, parts] = [Number(match[1]), Number(match[2])];
  return part >= 1 && part <= parts && parts <= MAX_PARTS ? { kind: 'group', part, parts } : undefined;
}

function shareOf(subset: string): ReadDataPart | undefined {
  const percent = /^(\d{1,3}(?:\.\d{1,9})?)%$/.exec(subset)?.[1];
  const share = Number(percent) / 100;
  return share > 0 && share <= 1 ? { kind: 'random', share } : undefined;
}

function sizeOf(subset: string): ReadDataPart | undefined {
  let bytes: number;
  try {
    bytes = parseSizeOption(subset);
  } catch {
    return undefined;
  }
  return bytes > 0 ? { kind: 'random-bytes', bytes } : undefined;
}
