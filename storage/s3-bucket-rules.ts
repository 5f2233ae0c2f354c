/** Lifecycle and lock rules of a bucket of S3. */
import {
  GetBucketLifecycleConfigurationCommand,
  GetObjectLockConfigurationCommand,
  type DefaultRetention,
  type LifecycleRule,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BucketRules } from '../common/bucket-rules.ts';
import { httpStatusOf } from './s3-errors.ts';

/** No rules, or a service that does not know such rules. */
const NONE = new Set([400, 404, 405, 501]);

/** What is archived so has to be asked for hours before it can be read. */
const ARCHIVES = new Set(['GLACIER', 'DEEP_ARCHIVE']);

export async function readS3Rules(
  client: S3Client,
  bucket: string,
  send: { abortSignal?: AbortSignal },
): Promise<BucketRules> {
  const place = { Bucket: bucket };
  const lifecycle = await ifAny(() => client.send(new GetBucketLifecycleConfigurationCommand(place), send));
  const lock = await ifAny(() => client.send(new GetObjectLockConfigurationCommand(place), send));
  return {
    ...rulesOfLifecycle(lifecycle?.Rules ?? []),
    ...lockOf(lock?.ObjectLockConfiguration?.Rule?.DefaultRetention),
  };
}

async function ifAny<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (NONE.has(httpStatusOf(error) ?? 0)) return undefined;
    throw error;
  }
}

/** Rules for tagged objects are for those of others: holdfast sets no tags. */
export function rulesOfLifecycle(rules: readonly LifecycleRule[]): Pick<BucketRules, 'deletes' | 'archives'> {
  const found: Pick<BucketRules, 'deletes' | 'archives'> = { deletes: [], archives: [] };
  for (const { ID, Status, Filter, Prefix, Expiration, Transitions = [] } of rules) {
    if (Status !== 'Enabled' || Filter?.Tag !== undefined || (Filter?.And?.Tags ?? []).length > 0) continue;
    const rule = { name: ID ?? 'without a name', prefix: Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? '' };
    if (Expiration?.Days !== undefined || Expiration?.Date !== undefined)
      found.deletes.push({ ...rule, when: inWords(Expiration) });
    for (const transition of Transitions)
      if (ARCHIVES.has(transition.StorageClass ?? ''))
        found.archives.push({ ...rule, when: inWords(transition), storageClass: transition.StorageClass! });
  }
  return found;
}

function inWords({ Days, Date: date }: { Days?: number | undefined; Date?: Date | undefined }): string {
  return Days === undefined ? `on ${date?.toISOString().slice(0, 10) ?? 'some day'}` : `after ${Days} days`;
}

/** S3 counts a year as 365 days. */
export function lockOf(retention: DefaultRetention | undefined): Pick<BucketRules, 'lock'> {
  const { Mode, Days, Years } = retention ?? {};
  const days = Days ?? (Years ?? 0) * 365;
  if (days === 0) return {};
  // A deletion hides the object: what is locked are its versions.
  return { lock: { seconds: days * 86_400, mode: (Mode ?? '').toLowerCase(), refusesDeletion: false } };
}
