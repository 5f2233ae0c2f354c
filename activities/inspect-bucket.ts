/** Use case: reads what a bucket does by itself with the objects of a place. */
import { HoldfastError } from '../common/errors.ts';
import type { BucketRules } from '../common/bucket-rules.ts';
import type { GcsLocation, S3Location } from '../domain/action.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { StorageRole } from '../storage/storage.ts';

/** The bucket of a location, without a prefix. */
export type OpenBucket = (location: GcsLocation | S3Location, role: StorageRole) => Promise<Bucket>;

/** As reader, and where that may not ask, as maintainer. */
export async function inspectBucket(
  open: OpenBucket,
  location: GcsLocation | S3Location,
  signal: AbortSignal,
): Promise<{ rules?: BucketRules; error?: { message: string; hint?: string } }> {
  let refusal: HoldfastError | undefined;
  for (const role of ['reader', 'maintainer'] as const) {
    let bucket: Bucket | undefined;
    try {
      bucket = await open(location, role);
      return { rules: await bucket.rules({ signal }) };
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code === 'Interrupted') throw error;
      refusal = error;
      if (error.code !== 'AccessDenied') break;
    } finally {
      bucket?.close();
    }
  }
  const { message, hint } = refusal!;
  return { error: { message, ...(hint === undefined ? {} : { hint }) } };
}
