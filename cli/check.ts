/** `holdfast check`: whether a repository is whole, and the data in it what it was. */
import { HoldfastError } from '../common/errors.ts';
import { formatBytes, parseShare } from '../common/sizes.ts';
import { needsAttention } from '../domain/findings.ts';
import { checkRepository } from '../repository/check-repository.ts';
import type { CliCommand } from './command.ts';
import { count } from './display.ts';
import { statusOfFindings, tellFindings } from './findings.ts';
import { addRepositoryOptions, withRepository, type RepositoryOptions } from './open-from-options.ts';

interface Options extends RepositoryOptions {
  readData?: boolean;
  readDataSubset?: string;
}

/** Which part of the packs is read: a share, and its place in the rotation. */
export interface ReadDataPart {
  share: number;
  rotation: number;
}

export const command: CliCommand<Options> = {
  configure(command) {
    command
      .description('Verifies the structure of a repository; with --read-data also every byte in it.')
      .option('--read-data', 'read and verify all packs')
      .option('--read-data-subset <part>', 'read and verify a part: 5% (chosen at random), or the second of ten: 2/10');
    addRepositoryOptions(command);
  },

  async run(context, { options }) {
    const { output, json } = context;
    const { share, rotation } = readDataPart(options);
    return withRepository(context, options, { role: 'reader', lock: 'shared' }, async (repository, signal) => {
      const progress = output.progress();
      const { figures, problems } = await checkRepository(repository, {
        readDataShare: share,
        rotation,
        signal,
        progress,
      }).finally(() => progress.finish());
      if (json) output.json({ ...figures, findings: problems });
      tellFindings(output, problems);
      const read =
        figures.packsRead === 0
          ? 'no data read'
          : `${count(figures.packsRead, 'pack')} read (${formatBytes(figures.bytesRead)})`;
      const real = problems.filter(needsAttention).length;
      const verdict = real === 0 ? 'no problem found' : count(real, 'problem');
      output.say(
        `${verdict} in ${count(figures.snapshots, 'snapshot')}, ${count(figures.packs, 'pack')}, ${count(figures.blobs, 'blob')}; ${read}`,
      );
      return statusOfFindings(problems);
    });
  },
};

/** `n/m` names a fixed part, a share one of the rotation's, picked at random. Throws Usage. */
export function readDataPart(options: Options): ReadDataPart {
  const { readData, readDataSubset: subset } = options;
  if (subset === undefined) return { share: readData === true ? 1 : 0, rotation: 0 };
  const invalid = new HoldfastError('Usage', `"${subset}" names no part of the data`, {
    hint: 'write it as a share, 5%, or as the second of ten parts, 2/10',
  });
  const parts = /^(\d{1,6})\/(\d{1,6})$/.exec(subset);
  if (parts !== null) {
    const [part, of] = [Number(parts[1]), Number(parts[2])];
    if (part < 1 || part > of) throw invalid;
    return { share: 1 / of, rotation: part - 1 };
  }
  let share: number;
  try {
    share = parseShare(subset);
  } catch (cause) {
    throw new HoldfastError('Usage', invalid.message, { hint: invalid.hint, cause });
  }
  if (share === 0) throw invalid;
  return { share, rotation: Math.floor(Math.random() * Math.ceil(1 / share)) };
}
