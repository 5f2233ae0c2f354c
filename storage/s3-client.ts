/** The client of S3 and of services that speak its language: endpoint, region, credentials, connections, time limits. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { OnRetry } from '../common/progress.ts';
import { describeTrouble, MAX_ATTEMPTS } from './backoff.ts';
import { elsewhere } from './bucket-endpoint.ts';
import { IDLE_MILLISECONDS, type ConnectionLimit } from './connection-limit.ts';
import { createIdleAgents } from './idle-agents.ts';
import type { S3Options, S3Settings } from './s3-settings.ts';

/** What most compatible services expect where none is configured, and what restic assumes. */
const FALLBACK_REGION = 'us-east-1';

/** A client; `destroy` closes its connections. Throws Usage where AWS's configuration file would lead it elsewhere. */
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
  let client = new S3Client({ ...config, ...(settings.region === undefined ? {} : { region: settings.region }) });
  try {
    await client.config.region();
  } catch {
    client = new S3Client({ ...config, region: FALLBACK_REGION });
  }
  // The SDK reads AWS's configuration file by itself, and would go wherever it says.
  const configured =
    settings.endpoint === undefined && settings.mayBeConfigured !== true
      ? await client.config.serviceConfiguredEndpoint?.()
      : undefined;
  if (configured !== undefined)
    throw elsewhere(`s3://${settings.bucket}`, "endpoint_url of AWS's configuration file", configured);
  if (options.onRetry !== undefined) tellRetries(client, `s3://${settings.bucket}`, options.onRetry);
  return client;
}

/** The SDK asks its strategy before each further try, and tells it of each success. */
function tellRetries({ config }: S3Client, place: string, onRetry: OnRetry): void {
  const own = config.retryStrategy;
  config.retryStrategy = async () => {
    const strategy = await own();
    // Of the SDK's first kind, which it takes only from whoever configures it.
    if (!('refreshRetryTokenForRetry' in strategy)) return strategy;
    return {
      acquireInitialRetryToken: (scope) => strategy.acquireInitialRetryToken(scope),
      async refreshRetryTokenForRetry(token, failure) {
        try {
          const next = await strategy.refreshRetryTokenForRetry(token, failure);
          onRetry({
            what: describeTrouble(failure.error, place),
            attempt: next.getRetryCount() + 1,
            attempts: MAX_ATTEMPTS,
            atMs: Date.now() + next.getRetryDelay(),
          });
          return next;
        } catch (error) {
          if (token.getRetryCount() > 0) onRetry(undefined);
          throw error;
        }
      },
      recordSuccess(token) {
        if (token.getRetryCount() > 0) onRetry(undefined);
        strategy.recordSuccess(token);
      },
    };
  };
}
