/** The variables of AWS and Google that say where their services are. */
import { HoldfastError } from '../common/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLES = { s3: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'], gs: ['STORAGE_EMULATOR_HOST'] } as const;

/** Which of them is set, and its URL; undefined: none, or `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` says that none counts. */
export function endpointVariable(
  scheme: 's3' | 'gs',
  environment: Environment,
): { name: string; url: string } | undefined {
  if (scheme === 's3' && environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS']?.toLowerCase() === 'true') return undefined;
  const name = VARIABLES[scheme].find((each) => environment[each]);
  if (name === undefined) return undefined;
  const value = environment[name]!;
  return { name, url: /^\w+:\/\//.test(value) ? value : `https://${value}` };
}

/**
 * Throws Usage where a variable would lead a bucket to another service than the one that its Location means: what the
 * policies say, and what of them is compared, has to hold on every machine.
 *
 * @param bucket `s3://vault`
 */
export function refuseEndpointVariable(bucket: string, scheme: 's3' | 'gs', environment: Environment): void {
  const variable = endpointVariable(scheme, environment);
  if (variable !== undefined) throw elsewhere(bucket, `the variable ${variable.name}`, variable.url);
}

/** @param source What leads elsewhere: `the variable AWS_ENDPOINT_URL`. */
export function elsewhere(bucket: string, source: string, url: string): HoldfastError {
  const shown = url.replace(/\/\/[^/]*@/, '//…@');
  return new HoldfastError(
    'Usage',
    `${source} would lead ${bucket} to ${shown}, while its Location names no endpoint and so means the vendor's own service`,
    {
      hint: `If it is there, write endpoint: ${shown} into the Location; else unset what leads elsewhere for this process.`,
    },
  );
}
