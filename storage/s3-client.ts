/** The client of S3 and of services that speak its language: endpoint, region, credentials, connections, time limits. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { MAX_ATTEMPTS } from './backoff.ts';
import { IDLE_MILLISECONDS, type ConnectionLimit } from './connection-limit.ts';
import { createIdleAgents } from './idle-agents.ts';
import type { S3Options, S3Settings } from './s3-settings.ts';

/** What most compatible services expect where none is configured, and what restic assumes. */
const FALLBACK_REGION = 'us-east-1';

/** A client; `destroy` closes its connections. */
export async function createS3Client(
  settings: S3Settings,
  options: S3Options,
  limit: ConnectionLimit,
): Promise<S3Client> {
  const agents = createIdleAgents(limit, options.idleMilliseconds ?? IDLE_MILLISECONDS);
  const config: S3ClientConfig = {
    ...(settings.endpoint === undefined ? { followRegionRedirects: true } : { endpoint: settings.endpoint }),
    ...(settings.forcePathStyle === undefined ? {} : { forcePathStyle: settings.forcePathStyle }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    // Waiting for "100 continue" costs a round trip for each pack, and an answer that comes early is read anyway.
    expectContinueHeader: false,
    // Bodies are verified by `s3.ts`, because the client's own check does not survive a resumed download.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The agents give up connections on which nothing moves, so that a long transfer needs no limit of its own.
    requestHandler: { httpAgent: agents.http, httpsAgent: agents.https, socketTimeout: 0, requestTimeout: 0 },
  };
  const client = new S3Client({ ...config, ...(settings.region === undefined ? {} : { region: settings.region }) });
  try {
    await client.config.region();
    return client;
  } catch {
    return new S3Client({ ...config, region: FALLBACK_REGION });
  }
}
