/** Stores an object by one request of our own: whatever is not plainly a success is left to the SDK. */
import { crc32 } from 'node:zlib';
import type { PutOptions } from './bucket.ts';
import { encodeCrc } from './crc32c.ts';
import type { S3Sender } from './s3-request.ts';

/** `unheard`: no answer, or one that does not say what became of the object. */
export type PutOutcome = 'stored' | 'refused' | 'unheard';

/** Errors are outcomes; nothing is thrown. */
export async function putS3Object(
  send: S3Sender,
  key: string,
  content: Uint8Array,
  { metadata = {}, existing, signal }: PutOptions,
): Promise<PutOutcome> {
  const headers: Record<string, string> = {
    'content-type': 'application/octet-stream',
    'x-amz-checksum-crc32': encodeCrc(crc32(content)),
    ...(existing === 'refuse' ? { 'if-none-match': '*' } : {}),
  };
  for (const [name, value] of Object.entries(metadata)) headers[`x-amz-meta-${name}`] = value;
  const answer = await send({ method: 'PUT', key, content, headers, signal });
  if (answer === 'unsigned') return 'refused';
  if (answer === 'unheard') return 'unheard';
  if (answer.status === 200) return 'stored';
  return answer.status >= 500 || answer.status < 300 ? 'unheard' : 'refused';
}
