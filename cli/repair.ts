/** `holdfast repair`: makes the best of a damaged repository. */
import { Argument } from 'commander';
import { HoldfastError } from '../common/errors.ts';
import type { CliCommand } from './command.ts';
import { deletingAccess } from './deleting-access.ts';
import { addRepositoryOptions, withRepository } from './open-from-options.ts';
import type { RepairOptions } from './repair-options.ts';
import { addSnapshotFilters } from './select-snapshot.ts';

type Part = 'index' | 'packs' | 'snapshots';

const PARTS: readonly Part[] = ['index', 'packs', 'snapshots'];

export const command: CliCommand<RepairOptions> = {
  configure(command) {
    command
      .description(
        'Makes the best of a damaged repository: writes the index anew from the packs, salvages what is whole of damaged packs, or ' +
          'makes new snapshots of those that lack data, with all that is left of them.',
      )
      .addArgument(new Argument('<part>', 'what to repair').choices(PARTS))
      .argument('[ids...]', 'packs: the damaged packs; snapshots: which ones (default: all that the filters leave)')
      .option('-n, --dry-run', 'say what would be done, and change nothing')
      .option('--read-all-packs', 'index: trust no index file, and read the header of every pack')
      .option('--save-to <folder>', 'packs: where copies of the damaged packs are put first (default: here)')
      .option('--forget', 'snapshots: remove the damaged originals once the new ones are saved');
    addRepositoryOptions(addSnapshotFilters(command)).addHelpText(
      'after',
      '\nIn this order: repair index; check --read-data, which names damaged packs; repair packs with their ids; a backup of what is\nstill there, which stores again what was lost of it; repair snapshots --forget; check. Copy the repository before, if there is room.',
    );
  },

  async run(context, { args, options }) {
    const [part, ids] = args as [Part, string[]];
    requireFitting(part, ids, options);
    const dryRun = options.dryRun === true;
    const repair = await loadPart(part);
    return withRepository(context, options, deletingAccess(dryRun), (repository, signal, place) =>
      repair({ context, repository, signal, place, options, ids }),
    );
  },
};

async function loadPart(part: Part) {
  if (part === 'index') return (await import('./repair-index.ts')).repairIndex;
  if (part === 'packs') return (await import('./repair-packs.ts')).repairPacks;
  return (await import('./repair-snapshots.ts')).repairSnapshotsOf;
}

/** An option of another part would be ignored, and something else would be done than was meant. */
function requireFitting(part: Part, ids: string[], options: RepairOptions): void {
  const foreign = [
    part !== 'index' && options.readAllPacks === true ? '--read-all-packs' : undefined,
    part !== 'packs' && options.saveTo !== undefined ? '--save-to' : undefined,
    part !== 'snapshots' && options.forget === true ? '--forget' : undefined,
    part === 'index' && ids.length > 0 ? 'an id' : undefined,
  ].find((name) => name !== undefined);
  if (foreign !== undefined)
    throw new HoldfastError('Usage', `${foreign} has no meaning for repair ${part}`, {
      hint: 'see holdfast repair --help',
    });
  if (part === 'packs' && ids.length === 0)
    throw new HoldfastError('Usage', 'no pack is named', { hint: 'holdfast check --read-data names damaged ones' });
}
