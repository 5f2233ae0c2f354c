/**
 * Requests to S3 that are made and signed here, where that is enough. The SDK spends 1.3 ms of processor time on each
 * request, ten times what the request needs, and 0.1 s to be loaded.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { HttpAnswer } from './http-answer.ts';
import type { S3Credentials } from './s3-settings.ts';
import type { ShortRequests } from './short-requests.ts';

export interface S3Request {
  method: 'PUT' | 'HEAD';
  key: string;
  content: Uint8Array;
  /** In lower case: `if-none-match`, checksums, metadata. */
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
}

export interface S3Signer extends S3Credentials {
  region: string;
  clockOffsetMilliseconds: number;
}

/** `unsigned`: it could not be sent; `unheard`: no answer came. Nothing is thrown. */
export type S3Sender = (request: S3Request) => Promise<HttpAnswer | 'unsigned' | 'unheard'>;

export interface S3Service {
  bucket: string;
  endpoint: URL;
  requests: ShortRequests;
  signer: () => S3Signer | Promise<S3Signer>;
}

/**
 * For a service with an endpoint of its own and the bucket in the path of the URL. Others, AWS's above all, have rules for
 * hosts, regions and redirects that only the SDK knows.
 */
export function createS3Sender({ bucket, endpoint, requests, signer }: S3Service): S3Sender {
  const folder = `${endpoint.pathname.replace(/\/$/, '')}/${encodeSegment(bucket)}`;
  const signingKey = rememberSigningKey();
  return async ({ method, key, content, headers, signal }) => {
    const path = `${folder}/${key.split('/').map(encodeSegment).join('/')}`;
    let signed: Record<string, string>;
    try {
      const by = await signer();
      const time = new Date(Date.now() + by.clockOffsetMilliseconds);
      signed = sign({ method, path, host: endpoint.host, content, headers, signer: by, time, signingKey });
    } catch {
      return 'unsigned';
    }
    try {
      return await requests.send({ method, path, headers: signed, content: [content], signal });
    } catch (error) {
      // Of what HTTP cannot carry nothing was sent.
      return error instanceof TypeError ? 'unsigned' : 'unheard';
    }
  };
}

interface Unsigned {
  method: string;
  /** Encoded. */
  path: string;
  host: string;
  content: Uint8Array;
  headers: Readonly<Record<string, string>>;
  signer: S3Signer;
  time: Date;
  signingKey: (signer: S3Signer, day: string) => KeyObject;
}

/** All headers but the host's, with their signature: AWS's Signature Version 4, as "Signing and authenticating REST requests" has it. */
function sign({ method, path, host, content, headers, signer, time, signingKey }: Unsigned): Record<string, string> {
  const stamp = time.toISOString().replace(/[-:]|\.\d+/g, '');
  const day = stamp.slice(0, 8);
  const contentHash = hash('sha256', content, 'hex');
  const all: Record<string, string> = {
    ...headers,
    host,
    'x-amz-content-sha256': contentHash,
    'x-amz-date': stamp,
    ...(signer.sessionToken === undefined ? {} : { 'x-amz-security-token': signer.sessionToken }),
  };
  const names = Object.keys(all).toSorted();
  // The signature is that of values without spaces at their ends, and with single ones between.
  const lines = names.map((name) => `${name}:${all[name]!.trim().replace(/ +/g, ' ')}\n`).join('');
  const canonical = `${method}\n${path}\n\n${lines}\n${names.join(';')}\n${contentHash}`;
  const scope = `${day}/${signer.region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
  const signature = createHmac('sha256', signingKey(signer, day)).update(text).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  const { host: _, ...sent } = all;
  return { ...sent, authorization };
}

/** The key of a day: four hashes that hundreds of requests share. */
function rememberSigningKey(): Unsigned['signingKey'] {
  let last: { day: string; region: string; secret: string; key: KeyObject } | undefined;
  return ({ secretAccessKey: secret, region }, day) => {
    if (last?.day !== day || last.region !== region || last.secret !== secret) {
      const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
        (previous, part) => createHmac('sha256', previous).update(part).digest(),
        Buffer.from(`AWS4${secret}`),
      );
      // As bytes it would be imported for each request, which takes four times as long as the signature.
      last = { day, region, secret, key: createSecretKey(key) };
    }
    return last.key;
  };
}

/** As the signature wants it: everything but letters, digits and `-._~`. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}
