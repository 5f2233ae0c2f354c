/** The client of S3 and of services that speak its language: endpoint, region, credentials, connections, time limits. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { MAX_ATTEMPTS } from './backoff.ts';
import { createIdleAgents, type IdleAgents } from './idle-agents.ts';

/** Which bucket, and where. */
export interface S3Settings {
  bucket: string;
  /** Names begin with this; no slash at its ends. */
  prefix?: string;
  /** Default: what the standard AWS variables and files say, else us-east-1. */
  region?: string;
  /** URL of a service other than AWS's own. */
  endpoint?: string;
  /** The bucket stands in the path of the URL, not in its host name. */
  forcePathStyle?: boolean;
}

export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface S3Options {
  /** Absent: the standard AWS variables, files and roles of this machine. */
  credentials?: S3Credentials;
  /** Requests at a time. Default: 16. */
  connections?: number;
  /** A connection on which nothing moves for so long is given up. Default: 30,000. */
  idleMilliseconds?: number;
}

/** What most compatible services expect where none is configured, and what restic assumes. */
const FALLBACK_REGION = 'us-east-1';

/** The connections that a client uses. */
export function createS3Agents({ connections = 16, idleMilliseconds = 30_000 }: S3Options): IdleAgents {
  return createIdleAgents(connections, idleMilliseconds);
}

/** A client; `destroy` closes its connections. */
export async function createS3Client(
  settings: S3Settings,
  options: S3Options,
  agents = createS3Agents(options),
): Promise<S3Client> {
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
