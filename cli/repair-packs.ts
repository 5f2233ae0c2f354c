/** `holdfast repair packs`: what is whole of damaged packs, salvaged into new ones. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HoldfastError, StorageError } from '../common/errors.ts';
import { executePackRepair, preparePackRepair, resolvePackIds, type PackSalvage } from '../repository/repair-packs.ts';
import type { Output } from './command.ts';
import { count, displayMessage } from './display.ts';
import { ExitStatus } from './exit-status.ts';
import type { RepairInput } from './repair-options.ts';

/** Integrity when something is lost. */
export async function repairPacks({ context, repository, signal, options, ids }: RepairInput): Promise<ExitStatus> {
  const { output, json, directory } = context;
  const dryRun = options.dryRun === true;
  const folder = resolve(directory, options.saveTo ?? '.');
  const progress = output.progress();
  try {
    await repository.loadIndex({ signal });
    const packIds = await resolvePackIds(repository, ids, signal);
    const prepared = await preparePackRepair(repository, packIds, {
      signal,
      progress,
      ...(dryRun ? {} : { saveAside: (packId, content) => saveAside(folder, packId, content) }),
    });
    progress.finish();
    for (const pack of prepared.packs) tellPack(output, pack);
    if (!dryRun) await executePackRepair(repository, prepared, { signal });
    if (json) output.json({ dryRun, packs: prepared.packs.map(toDocument) });
    const lost = prepared.packs.flatMap((pack) => pack.lost.filter(({ elsewhere }) => !elsewhere)).length;
    tellTotal(output, prepared.packs, { lost, dryRun, folder });
    return lost > 0 ? ExitStatus.integrity : ExitStatus.done;
  } finally {
    progress.finish();
  }
}

/** Never over something else; the same content again is a repeated attempt. */
async function saveAside(folder: string, packId: string, content: Uint8Array): Promise<void> {
  const path = join(folder, `pack-${packId}`);
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new StorageError(`the copy of a damaged pack could not be written: ${message}`, {
        hint: 'Name a folder with room for it: --save-to FOLDER.',
        cause,
      });
    if ((await readFile(path)).equals(content)) return;
    throw new HoldfastError('AlreadyExists', `${path} exists, and is not the pack`, {
      hint: 'Move it away, or name another folder: --save-to FOLDER.',
      cause,
    });
  }
}

function tellPack(output: Output, { packId, stored, salvaged, lost }: PackSalvage): void {
  const elsewhere = lost.filter((entry) => entry.elsewhere).length;
  const gone = lost.filter((entry) => !entry.elsewhere);
  const notes = [
    `${count(salvaged.length, 'blob')} whole`,
    ...(elsewhere === 0 ? [] : [`${elsewhere} damaged, but held by other packs`]),
    `${gone.length} lost`,
  ];
  output.say(`pack ${packId}${stored ? '' : ', which is not there'}: ${notes.join(', ')}`);
  for (const { message } of gone) output.warn(`lost: ${displayMessage(message)}`, 'critical');
}

function tellTotal(
  output: Output,
  packs: readonly PackSalvage[],
  { lost, dryRun, folder }: { lost: number; dryRun: boolean; folder: string },
): void {
  if (dryRun) return output.say('nothing was changed');
  output.say(`removed ${count(packs.length, 'damaged pack')}; copies of what was stored are in ${folder}`);
  if (lost > 0)
    output.say('back up again what is still there, which stores lost data again; then: holdfast repair snapshots');
}

function toDocument({ packId, stored, salvaged, lost }: PackSalvage): Record<string, unknown> {
  return {
    packId,
    stored,
    salvagedBlobs: salvaged.length,
    lost: lost.map(({ blob, message, elsewhere }) => ({ id: blob.id, type: blob.type, message, elsewhere })),
  };
}
