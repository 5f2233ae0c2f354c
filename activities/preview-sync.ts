/** Use case: which files a mirror would remove by its next run; changes nothing. */
import type { ByteString } from '../common/byte-string.ts';
import { HoldfastError } from '../common/errors.ts';
import type { ActionRequest } from '../domain/action.ts';
import type { SyncFigures } from '../domain/run-record.ts';
import type { CallContext, Dependencies } from './dependencies.ts';
import { settingsOf } from './settings-of.ts';
import { PROBABLY_RENAMED } from './sync-survey.ts';
import { openWholeTarget } from './sync-tree.ts';
import { sync } from './sync.ts';

export interface SyncPreview {
  filesRemoved: number;
  /** The first of them; a plan with much else to do may name none. */
  names: string[];
  /** What its guard says: the run would be refused. */
  refusal?: string;
}

/** Guards that let a plan be made nevertheless. */
const COUNTABLE: ReadonlySet<unknown> = new Set(['maxDelete', 'emptySource']);

/** The sync's own dry run. An empty target, or none, loses nothing, whatever the source: it is not looked at. */
export async function previewSync(
  deps: Dependencies,
  request: ActionRequest,
  context: CallContext,
): Promise<SyncPreview> {
  if (await isEmpty(deps, request)) return { filesRemoved: 0, names: [] };
  const dryRun = { ...request, dryRun: true };
  try {
    return previewOf(await sync(deps, dryRun, context));
  } catch (error) {
    if (!(error instanceof HoldfastError) || !COUNTABLE.has(error.context['guard'])) throw error;
    const accept = [...COUNTABLE] as string[];
    return { ...previewOf(await sync(deps, { ...dryRun, accept }, context)), refusal: error.message };
  }
}

async function isEmpty(deps: Dependencies, request: ActionRequest): Promise<boolean> {
  const target = await openWholeTarget(deps, settingsOf(request, 'sync'));
  try {
    const root = await target.stat('' as ByteString);
    if (root?.type !== 'dir') return true;
    for await (const _entry of target.walk()) return false;
    return true;
  } finally {
    await target.close();
  }
}

function previewOf({ figures }: Awaited<ReturnType<typeof sync>>): SyncPreview {
  const { filesRemoved, decisions = [] } = figures as SyncFigures;
  // What is only moved within the target is a removal with a reason of its own.
  const gone = decisions.filter(({ step, reason }) => step === 'remove' && !reason.startsWith(PROBABLY_RENAMED));
  return { filesRemoved, names: gone.map(({ path }) => path) };
}
