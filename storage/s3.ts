/** Buckets of S3, and of any service that speaks it: the most frequent requests are made here, all others by the SDK. */
import { throwIfAborted } from '../common/errors.ts';
import type { Bucket, PutOptions } from './bucket.ts';
import { CONNECTIONS, ConnectionLimit, IDLE_MILLISECONDS } from './connection-limit.ts';
import { headS3Object } from './s3-head.ts';
import { putS3Object } from './s3-put.ts';
import { createS3Sender, type S3Signer } from './s3-request.ts';
import type { S3SdkBucket } from './s3-sdk.ts';
import { LARGEST_PUT_BYTES, S3_TRAITS, type S3Options, type S3Settings } from './s3-settings.ts';
import { ShortRequests } from './short-requests.ts';

/**
 * The bucket must exist. `existing: 'refuse'` is decided by the service (`If-None-Match`), which also compares the CRC-32
 * of what arrives. Nothing is asked before the first call.
 */
export async function openS3Bucket(settings: S3Settings, options: S3Options = {}): Promise<Bucket> {
  const { connections = CONNECTIONS, idleMilliseconds = IDLE_MILLISECONDS } = options;
  const limit = new ConnectionLimit(connections);
  const { endpoint, forcePathStyle, bucket: name } = settings;
  let opened: Promise<S3SdkBucket> | undefined;
  const openBySdk = async (): Promise<S3SdkBucket> => {
    const { openS3ByTheSdk } = await import('./s3-sdk.ts');
    return openS3ByTheSdk(settings, options, limit);
  };
  const bySdk = (): Promise<S3SdkBucket> => (opened ??= openBySdk());
  if (endpoint === undefined || forcePathStyle !== true || !URL.canParse(endpoint)) return bySdk();
  const base = new URL(endpoint);
  const requests = new ShortRequests(base, limit, idleMilliseconds);
  /** A request that nobody answered took its time: who follows the work hears that it is sent once more. */
  const sendAgain = async <Result>(work: (bucket: S3SdkBucket) => Promise<Result>): Promise<Result> => {
    options.onRetry?.({ what: `s3://${name} does not answer`, atMs: Date.now() });
    try {
      return await work(await bySdk());
    } finally {
      options.onRetry?.(undefined);
    }
  };
  const given = givenSigner(settings, options);
  // The SDK, once it is there, knows also how wrong this machine's clock is.
  const signer = () => (given === undefined || opened !== undefined ? signerOf(bySdk()) : given);
  const send = createS3Sender({ bucket: name, endpoint: base, requests, signer });
  return {
    name: `s3://${name}`,
    prefix: settings.prefix ?? '',
    ...S3_TRAITS,
    async *list(...call) {
      yield* (await bySdk()).list(...call);
    },
    async *listFolder(...call) {
      yield* (await bySdk()).listFolder(...call);
    },
    async head(key, call = {}) {
      throwIfAborted(call.signal);
      const found = await headS3Object(send, key, call.signal);
      if (found === undefined) return (await bySdk()).head(key, call);
      if (found === 'unheard') return sendAgain((bucket) => bucket.head(key, call));
      return found === 'absent' ? undefined : found;
    },
    async put(key: string, content: Uint8Array | AsyncIterable<Uint8Array>, call: PutOptions = {}) {
      throwIfAborted(call.signal);
      const isShort = content instanceof Uint8Array && content.length <= LARGEST_PUT_BYTES;
      if (!isShort) return (await bySdk()).put(key, content, call);
      const outcome = await putS3Object(send, key, content, call);
      if (outcome === 'stored') return;
      if (outcome === 'unheard') return sendAgain((bucket) => bucket.putAgain(key, content, call));
      return (await bySdk()).put(key, content, call);
    },
    get: async (...call) => (await bySdk()).get(...call),
    copy: async (...call) => (await bySdk()).copy(...call),
    changeMetadata: async (...call) => (await bySdk()).changeMetadata(...call),
    remove: async (...call) => (await bySdk()).remove(...call),
    checksums: async (...call) => (await bySdk()).checksums(...call),
    probeRights: async (...call) => (await bySdk()).probeRights(...call),
    rules: async (...call) => (await bySdk()).rules(...call),
    close() {
      requests.close();
      // One that could not be opened has told so to whoever asked.
      void opened?.then((bucket) => bucket.close()).catch(() => undefined);
    },
  };
}

/** Where all of it is given, the SDK is not loaded for it. */
function givenSigner({ region }: S3Settings, { credentials }: S3Options): S3Signer | undefined {
  if (region === undefined || credentials === undefined) return undefined;
  return { ...credentials, region, clockOffsetMilliseconds: 0 };
}

async function signerOf(bucket: Promise<S3SdkBucket>): Promise<S3Signer> {
  return (await bucket).signer();
}
