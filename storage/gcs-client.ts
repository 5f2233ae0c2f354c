/** Requests to Google Cloud Storage's JSON API: authenticated, repeated when their failure may pass, ended when nothing moves. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Storage as GoogleStorage } from '@google-cloud/storage';
import { HoldfastError, StorageError, throwIfAborted } from '../common/errors.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { mayPass } from './bucket-errors.ts';
import { GcsResponseError } from './gcs-errors.ts';
import { createIdleAgents, type IdleAgents } from './idle-agents.ts';

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
}

export interface GcsRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Whole, or a path below the endpoint. */
  url: string;
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  body?: readonly Uint8Array[];
  /** Sent once, whatever comes: the caller finds out by itself what became of it. */
  once?: boolean;
  /** Answers that are no errors, besides 2xx. */
  accept?: readonly number[];
}

export interface GcsResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  body: IncomingMessage;
  /** How often the request was sent. */
  attempts: number;
}

const LARGEST_ERROR_BYTES = 64 * 1024;

/**
 * Google's library finds credentials, renews tokens and knows the endpoints. Transfers are made here, because its own
 * would delete an object without condition when a checksum fails, go on without end when nothing moves, and give up
 * downloads that break off.
 */
export class GcsClient {
  readonly #google: GoogleStorage;
  readonly #authenticated: boolean;
  readonly #agents: IdleAgents;

  constructor(settings: GcsSettings, options: GcsOptions) {
    const { credentials, keyFile, connections = 16, idleMilliseconds = 30_000 } = options;
    const key = credentials ?? (keyFile === undefined ? undefined : readKey(keyFile));
    this.#google = new GoogleStorage({
      ...(settings.endpoint === undefined ? {} : { apiEndpoint: settings.endpoint }),
      ...(settings.projectId === undefined ? {} : { projectId: settings.projectId }),
      useAuthWithCustomEndpoint: key !== undefined,
    });
    // As an option it would make the library write a warning to the terminal, for each client.
    if (key !== undefined) this.#google.authClient.jsonContent = parseCredentials(key);
    this.#authenticated = !this.#google.customEndpoint || key !== undefined;
    this.#agents = createIdleAgents(connections, idleMilliseconds);
  }

  /** Throws GcsResponseError for an answer that says no, system errors when none came, AccessDenied without credentials. */
  async send(request: GcsRequest, signal?: AbortSignal): Promise<GcsResponse> {
    for (let attempts = 1; ; attempts += 1) {
      throwIfAborted(signal);
      const last = request.once === true || attempts >= MAX_ATTEMPTS;
      let wait = 0;
      try {
        const { status, headers, body } = await this.#sendOnce(request, signal);
        if ((status >= 200 && status < 300) || request.accept?.includes(status) === true)
          return { status, headers, body, attempts };
        const failure = await readFailure(status, body, attempts);
        if (last || !mayPass(status)) throw failure;
        wait = Number(headers['retry-after'] ?? 0) * 1000 || 0;
      } catch (error) {
        throwIfAborted(signal);
        if (last || error instanceof GcsResponseError || error instanceof HoldfastError) throw error;
      }
      await backOff(attempts, signal, wait);
    }
  }

  /** The parsed answer. */
  async sendForJson<Answer>(request: GcsRequest, signal?: AbortSignal): Promise<Answer> {
    const { body } = await this.send(request, signal);
    return JSON.parse((await readText(body)) || '{}') as Answer;
  }

  close(): void {
    this.#agents.destroy();
  }

  async #sendOnce(request: GcsRequest, signal: AbortSignal | undefined) {
    const url = new URL(request.url, this.#google.apiEndpoint);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const headers = { 'user-agent': 'holdfast', ...(await this.#authorization(url)), ...request.headers };
    const pieces = request.body ?? [];
    const length = pieces.reduce((sum, { length: size }) => sum + size, 0);
    const secure = url.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number;
      headers: IncomingHttpHeaders;
      body: IncomingMessage;
    }>();
    const sent = (secure ? httpsRequest : httpRequest)(url, {
      method: request.method,
      agent: secure ? this.#agents.https : this.#agents.http,
      headers: { ...headers, ...(request.method === 'GET' ? {} : { 'content-length': length }) },
      ...(signal === undefined ? {} : { signal }),
    });
    sent.on('response', (body) => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
    sent.on('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
    return promise;
  }

  async #authorization(url: URL): Promise<Record<string, string>> {
    if (!this.#authenticated) return {};
    try {
      const headers = await this.#google.authClient.getRequestHeaders(url.href);
      return Object.fromEntries(headers as unknown as Iterable<[string, string]>);
    } catch (error) {
      throw translateAuthError(error);
    }
  }
}

/** Reads an answer to its end. */
export async function readText(body: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces).toString();
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

async function readFailure(status: number, body: IncomingMessage, attempts: number): Promise<GcsResponseError> {
  let text = '';
  try {
    for await (const piece of body) {
      text += String(piece);
      if (text.length > LARGEST_ERROR_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  let said = text.slice(0, 200);
  let reason = '';
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string; errors?: { reason?: string }[] } };
    said = error?.message ?? said;
    reason = error?.errors?.[0]?.reason ?? '';
  } catch {
    // Not JSON: a proxy's page, or the plain text of an upload.
  }
  return new GcsResponseError(status, reason || 'Error', said, attempts);
}
