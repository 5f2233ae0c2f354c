/** `holdfast repair index`: the index, made to fit the packs again. */
import {
  executeIndexRepair,
  isIndexSound,
  prepareIndexRepair,
  type IndexRepairPlan,
} from '../repository/repair-index.ts';
import type { Output } from './command.ts';
import { count, displayMessage, shortId } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import type { RepairInput } from './repair-options.ts';

/** Integrity when a pack remains that cannot be read. */
export async function repairIndex({ context, repository, signal, options }: RepairInput): Promise<ExitStatus> {
  const { output, json } = context;
  const dryRun = options.dryRun === true;
  const progress = output.progress();
  try {
    const readAllPacks = options.readAllPacks === true;
    const prepared = await prepareIndexRepair(repository, { readAllPacks, signal, progress });
    progress.finish();
    const { plan } = prepared;
    tellPlan(output, plan);
    if (!dryRun) await executeIndexRepair(repository, prepared, signal);
    if (json) output.json({ dryRun, ...plan });
    const result = `${count(plan.packs, 'pack')} with ${count(plan.blobs, 'blob')}`;
    if (isIndexSound(prepared)) output.say(`the index fits: ${result}`);
    else if (dryRun) output.say(`nothing was changed; the index would name ${result}`);
    else output.say(`the index names ${result}`);
    return plan.unreadable.length > 0 ? ExitStatus.integrity : ExitStatus.done;
  } finally {
    progress.finish();
  }
}

function tellPlan(output: Output, { added, missing, damagedFiles, unreadable, filesReplaced }: IndexRepairPlan): void {
  for (const { message } of damagedFiles) output.say(`remove an index file: ${displayMessage(message)}`);
  for (const id of added) output.say(`add pack ${id}`);
  for (const id of missing) output.say(`leave out pack ${id}, which is not there`);
  if (filesReplaced > 0) output.say(`replace ${count(filesReplaced, 'index file')}`);
  for (const { id, message, kept } of unreadable)
    output.warn(
      `${displayMessage(message)}; ${kept ? 'what the index says of it stays' : 'it stays out of the index'}\n  → holdfast repair packs ${shortId(id)}`,
      'critical',
    );
}
