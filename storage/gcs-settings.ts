/** What has to be known of a bucket of Google Cloud Storage. */
import type { OnRetry } from '../common/progress.ts';

/** Which bucket, and where. */
export interface GcsSettings {
  bucket: string;
  /** Names begin with this; no slash at its ends. */
  prefix?: string;
  projectId?: string;
  /** URL of a service other than Google's own. Without a key, nobody is authenticated there. */
  endpoint?: string;
}

export interface GcsOptions {
  /** A key of a service account, or other credentials, as the JSON text of Google's file. Absent: what this machine has by default (ADC). */
  credentials?: string;
  /** Instead: the path of such a file. */
  keyFile?: string;
  /** Requests at a time. Default: 16. */
  connections?: number;
  /** A connection on which nothing moves for so long is given up. Default: 30,000. */
  idleMilliseconds?: number;
  /** Told of each request that is sent again. */
  onRetry?: OnRetry;
}
