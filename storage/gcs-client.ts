/** Requests to Google Cloud Storage's JSON API: authenticated, repeated when their failure may pass, ended when nothing moves. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { HoldfastError, throwIfAborted } from '../common/errors.ts';
import type { OnRetry } from '../common/progress.ts';
import { backOff, MAX_ATTEMPTS } from './backoff.ts';
import { mayPass } from './bucket-errors.ts';
import { CONNECTIONS, ConnectionLimit, IDLE_MILLISECONDS } from './connection-limit.ts';
import { GcsResponseError } from './gcs-errors.ts';
import { identifyToGcs, type GcsIdentity } from './gcs-identity.ts';
import type { GcsOptions, GcsSettings } from './gcs-settings.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { IdleAgents } from './idle-agents.ts';
import { ShortRequests } from './short-requests.ts';

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

export interface GcsAnswer extends HttpAnswer {
  /** How often the request was sent. */
  attempts: number;
}

export interface GcsDownload {
  status: number;
  headers: IncomingHttpHeaders;
  /** Must be read to its end, or destroyed. */
  body: IncomingMessage;
}

/** A request as it is sent. */
interface Sent {
  url: URL;
  headers: Record<string, string>;
}

const LARGEST_ERROR_BYTES = 64 * 1024;

/**
 * Google's library finds credentials, renews tokens and knows the endpoints. Transfers are made here, because its own
 * would delete an object without condition when a checksum fails, go on without end when nothing moves, and give up
 * downloads that break off.
 */
export class GcsClient {
  readonly #identity: () => GcsIdentity | Promise<GcsIdentity>;
  /** Who hears of what is tried again, and of whom: `gs://vault`. */
  readonly told: { place: string; onRetry: OnRetry | undefined };
  readonly #limit: ConnectionLimit;
  readonly #idleMilliseconds: number;
  /** By origin: a service may have its uploads elsewhere. */
  readonly #requests = new Map<string, ShortRequests>();
  #agents: Promise<IdleAgents> | undefined;

  constructor(settings: GcsSettings, options: GcsOptions) {
    const { connections = CONNECTIONS, idleMilliseconds = IDLE_MILLISECONDS } = options;
    this.#identity = identifyToGcs(settings, options);
    this.told = { place: `gs://${settings.bucket}`, onRetry: options.onRetry };
    this.#limit = new ConnectionLimit(connections);
    this.#idleMilliseconds = idleMilliseconds;
  }

  /** Throws GcsResponseError for an answer that says no, system errors when none came, AccessDenied without credentials. */
  send(request: GcsRequest, signal?: AbortSignal): Promise<GcsAnswer> {
    const { method, body: content = [] } = request;
    return this.#untilAnswered(request, signal, async ({ url, headers }, attempts) => {
      const path = `${url.pathname}${url.search}`;
      const answer = await this.#requestsTo(url).send({ method, path, headers, content, signal });
      return { ...answer, attempts, said: () => answer.body.toString('utf8', 0, LARGEST_ERROR_BYTES) };
    });
  }

  /** The parsed answer. Throws as `send` does. */
  async sendForJson<Answer>(request: GcsRequest, signal?: AbortSignal): Promise<Answer> {
    return parseAnswer<Answer>(await this.send(request, signal));
  }

  /** Of a GET. Throws as `send` does. */
  download(request: GcsRequest, signal?: AbortSignal): Promise<GcsDownload> {
    return this.#untilAnswered(request, signal, async ({ url, headers }) => {
      const body = await this.#get(url, headers, signal);
      return { status: body.statusCode ?? 0, headers: body.headers, body, said: () => readFailure(body) };
    });
  }

  close(): void {
    for (const requests of this.#requests.values()) requests.close();
    void this.#agents?.then((agents) => agents.destroy());
  }

  async #untilAnswered<Answer extends { status: number; headers: { 'retry-after'?: string | undefined } }>(
    request: GcsRequest,
    signal: AbortSignal | undefined,
    send: (sent: Sent, attempts: number) => Promise<Answer & { said: () => string | Promise<string> }>,
  ): Promise<Answer> {
    let isTold = false;
    try {
      for (let attempts = 1; ; attempts += 1) {
        throwIfAborted(signal);
        const last = request.once === true || attempts >= MAX_ATTEMPTS;
        let wait = 0;
        let failure: unknown;
        try {
          const answer = await send(await this.#prepare(request), attempts);
          const { status, headers } = answer;
          if ((status >= 200 && status < 300) || request.accept?.includes(status) === true) return answer;
          failure = describeFailure(status, await answer.said(), attempts);
          if (last || !mayPass(status)) throw failure;
          wait = Number(headers['retry-after'] ?? 0) * 1000 || 0;
        } catch (error) {
          throwIfAborted(signal);
          if (last || error instanceof GcsResponseError || error instanceof HoldfastError) throw error;
          failure = error;
        }
        await backOff(attempts, failure, { ...this.told, signal, atLeastMilliseconds: wait });
        isTold = true;
      }
    } finally {
      if (isTold) this.told.onRetry?.(undefined);
    }
  }

  async #prepare(request: GcsRequest): Promise<Sent> {
    const { endpoint, authorize } = await this.#identity();
    const url = new URL(request.url, endpoint);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    return { url, headers: { 'user-agent': 'holdfast', ...(await authorize(url)), ...request.headers } };
  }

  #requestsTo(url: URL): ShortRequests {
    let requests = this.#requests.get(url.origin);
    if (requests === undefined) {
      requests = new ShortRequests(url, this.#limit, this.#idleMilliseconds);
      this.#requests.set(url.origin, requests);
    }
    return requests;
  }

  /** By Node's client, which is loaded for this alone. */
  async #get(url: URL, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    const agents = await (this.#agents ??= this.#createAgents());
    const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const agent = url.protocol === 'https:' ? agents.https : agents.http;
    const sent = request(url, { agent, headers, ...(signal === undefined ? {} : { signal }) });
    sent.on('response', resolve);
    sent.on('error', reject);
    sent.end();
    return promise;
  }

  async #createAgents(): Promise<IdleAgents> {
    const { createIdleAgents } = await import('./idle-agents.ts');
    return createIdleAgents(this.#limit, this.#idleMilliseconds);
  }
}

/** The JSON of an answer. */
export function parseAnswer<Answer>({ body }: HttpAnswer): Answer {
  return JSON.parse(body.toString() || '{}') as Answer;
}

async function readFailure(body: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const piece of body) {
      text += String(piece);
      if (text.length > LARGEST_ERROR_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  return text;
}

function describeFailure(status: number, text: string, attempts: number): GcsResponseError {
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
