/** What has to be known of a bucket of S3, and what is so of all of them. */
import type { OnRetry } from '../common/progress.ts';

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
  /** Without an endpoint: what AWS's configuration file says (`endpoint_url`) is followed. Else it is refused. */
  mayBeConfigured?: boolean;
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
  /** Told of each request that is sent again. */
  onRetry?: OnRetry;
  /** Other sizes than S3's own: for a test, or a service that takes less. */
  copyLimits?: S3CopyLimits;
}

export interface S3CopyLimits {
  /** What is larger is copied in parts. */
  largestBytes: number;
  partBytes: number;
}

const GiB = 1024 ** 3;

/** S3 copies 5 GiB at once, and takes 10,000 parts: enough for its largest object, of 5 TiB. */
export const COPY_LIMITS: S3CopyLimits = { largestBytes: 5 * GiB, partBytes: GiB };

/** Of each bucket of S3. Deleting what is not there is a success for S3. */
export const S3_TRAITS = { times: 'decimal', listsMetadata: false, knowsWhatItRemoves: false } as const;

/** Larger content is sent in parts, so that a failure repeats little; S3 takes 5 GiB at once. */
export const LARGEST_PUT_BYTES = 64 * 1024 * 1024;
