/** Looks at an object by one request of our own: a walk of a tree in a bucket looks at each of its files. */
import type { DescribedObject } from './bucket.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { S3Sender } from './s3-request.ts';

const METADATA_HEADER = 'x-amz-meta-';
const NOTHING = new Uint8Array(0);

/** `absent`: there is none. `unheard`, nobody answered, or undefined, whatever is plainly neither: it is left to the SDK. */
export async function headS3Object(
  send: S3Sender,
  key: string,
  signal: AbortSignal | undefined,
): Promise<DescribedObject | 'absent' | 'unheard' | undefined> {
  const answer = await send({ method: 'HEAD', key, content: NOTHING, headers: {}, signal });
  if (typeof answer === 'string') return answer === 'unheard' ? answer : undefined;
  if (answer.status === 404) return 'absent';
  if (answer.status !== 200) return undefined;
  return describe(key, answer);
}

function describe(key: string, { headers }: HttpAnswer): DescribedObject | undefined {
  const { 'content-length': size, 'last-modified': modified = '', etag } = headers;
  const modifiedAt = new Date(modified);
  if (size === undefined || etag === undefined || Number.isNaN(modifiedAt.getTime())) return undefined;
  const named = Object.entries(headers).filter(([name]) => name.startsWith(METADATA_HEADER));
  const metadata = named.map(([name, value]) => [name.slice(METADATA_HEADER.length), String(value)] as const);
  return { key, sizeBytes: Number(size), modifiedAt, version: etag, metadata: Object.fromEntries(metadata) };
}
