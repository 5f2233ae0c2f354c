/** Who asks Google Cloud Storage, and where: by Google's library, which is loaded only where somebody has to be authenticated. */
import { readFileSync } from 'node:fs';
import type { Storage as GoogleStorage } from '@google-cloud/storage';
import { HoldfastError, StorageError } from '../common/errors.ts';
import { mayPass } from './bucket-errors.ts';
import type { GcsOptions, GcsSettings } from './gcs-settings.ts';

export interface GcsIdentity {
  endpoint: URL;
  /** Headers of a request to this URL. Throws AccessDenied without credentials, StorageError where no token can be had. */
  authorize(url: URL): Promise<Record<string, string>>;
}

const GOOGLES_OWN = 'https://storage.googleapis.com';

/** Throws Usage, at once, for credentials that are none. */
export function identifyToGcs(settings: GcsSettings, options: GcsOptions): () => GcsIdentity | Promise<GcsIdentity> {
  const { credentials, keyFile } = options;
  const text = credentials ?? (keyFile === undefined ? undefined : readKey(keyFile));
  const key = text === undefined ? undefined : parseCredentials(text);
  const endpoint = settings.endpoint === undefined ? undefined : wholeUrl(settings.endpoint);
  if (endpoint !== undefined && endpoint !== GOOGLES_OWN && key === undefined) {
    const anonymous = { endpoint: new URL(endpoint), authorize: () => Promise.resolve({}) };
    return () => anonymous;
  }
  let asked: Promise<GcsIdentity> | undefined;
  return () => (asked ??= byGooglesLibrary(settings, key));
}

async function byGooglesLibrary(
  { endpoint, projectId }: GcsSettings,
  key: Record<string, string> | undefined,
): Promise<GcsIdentity> {
  const { Storage } = await import('@google-cloud/storage');
  const google: GoogleStorage = new Storage({
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
    ...(projectId === undefined ? {} : { projectId }),
    useAuthWithCustomEndpoint: key !== undefined,
  });
  // As an option it would make the library write a warning to the terminal, for each client.
  if (key !== undefined) google.authClient.jsonContent = key;
  const isAuthenticated = !google.customEndpoint || key !== undefined;
  return {
    endpoint: new URL(google.apiEndpoint),
    async authorize(url) {
      if (!isAuthenticated) return {};
      try {
        const headers = await google.authClient.getRequestHeaders(url.href);
        return Object.fromEntries(headers as unknown as Iterable<[string, string]>);
      } catch (error) {
        throw translateAuthError(error);
      }
    },
  };
}

/** As Google's library reads an endpoint. */
function wholeUrl(endpoint: string): string {
  return (/^\w+:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`).replace(/\/+$/, '');
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HoldfastError('Usage', `the Google credentials in ${file} cannot be read`, {
      hint: 'Correct GOOGLE_APPLICATION_CREDENTIALS, or let this account read the file.',
      cause: error,
    });
  }
}

/** The key's text never goes into the error. */
function parseCredentials(text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Record<string, string>;
  } catch {
    // Told below.
  }
  throw new HoldfastError('Usage', 'the credentials of the bucket are not the JSON of a Google key', {
    hint: 'Give the whole text of the key file of a service account.',
  });
}

function translateAuthError(error: unknown): Error {
  const { code, status } = error as { code?: unknown; status?: unknown };
  const unreachable = typeof code === 'string' && /^E[A-Z_]+$/.test(code);
  if (unreachable || (typeof status === 'number' && mayPass(status))) {
    return new StorageError(`no token could be had from Google (${String(code ?? status)})`, {
      hint: 'Check the network, then run it again.',
    });
  }
  // Not its cause: the library puts the request, with the signed key, into its errors.
  return new HoldfastError('AccessDenied', 'no usable Google credentials are found', {
    hint: 'Name a key in the identities of the Location, set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login.',
  });
}
