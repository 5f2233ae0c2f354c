/**
 * Requests whose content and answer are held in memory, on connections that are kept. Node's HTTP client takes 0.2 ms of
 * processor time for each, and 40 ms to load: for thousands of small objects several times what is done here.
 */
import { connect as connectPlainly, isIP, type Socket } from 'node:net';
import { type ConnectionLimit, type ConnectionOwner, silentConnection } from './connection-limit.ts';
import { HttpAnswerReader, type HttpAnswer } from './http-answer.ts';

export interface ShortRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the query, encoded. */
  path: string;
  /** All but `host` and `content-length`. */
  headers: Readonly<Record<string, string>>;
  content?: readonly Uint8Array[];
  signal?: AbortSignal | undefined;
}

interface Task {
  request: ShortRequest;
  /** The request as it goes over the line, up to its content; each character is a byte. */
  head: string;
  resolve: (answer: HttpAnswer) => void;
  reject: (error: Error) => void;
}

interface Connection {
  socket: Socket;
  task: Task | undefined;
  reader: HttpAnswerReader | undefined;
  /** What is sent at once. Whenever an answer is whole, and all was sent, nothing of it is needed any more. */
  copied: Buffer | undefined;
  /** Not used at this time or later, by `performance.now()`: the service may have given it up. */
  freshUntil: number;
}

const MiB = 1024 * 1024;
/** Lists of a thousand objects with all that is known of them are the longest. */
const LARGEST_ANSWER_BYTES = 64 * MiB;
/** Requests up to this are copied into one piece, which costs less than a second packet. */
const COPIED_BYTES = 64 * 1024;
/** How long an idle connection is used again, where the service does not say for how long it keeps it. */
const KEPT_MILLISECONDS = 15_000;
/** That much sooner than the service says: its answer and our request cross on their way. */
const CROSSING_MILLISECONDS = 1000;

/** What HTTP can carry. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^\/[\x21-\x7e]*$/;

/** To one service. Requests beyond the limit of connections wait for their turn. */
export class ShortRequests {
  readonly #base: URL;
  readonly #limit: ConnectionLimit;
  readonly #idleMilliseconds: number;
  readonly #owner: ConnectionOwner = { closeIdle: () => this.#closeIdle() };
  readonly #queue: Task[] = [];
  readonly #connections = new Set<Connection>();
  /** The last one used at the end. */
  readonly #idle: Connection[] = [];
  #opening = 0;
  #isClosed = false;

  /** @param idleMilliseconds A connection on which nothing moves for so long is given up. */
  constructor(base: URL, limit: ConnectionLimit, idleMilliseconds: number) {
    this.#base = base;
    this.#limit = limit;
    this.#idleMilliseconds = idleMilliseconds;
    limit.add(this.#owner);
  }

  /**
   * Sends once. Throws TypeError for what HTTP cannot carry, an AbortError when the signal fires, and errors with the
   * code of the system's (`ECONNRESET`, `ETIMEDOUT`), or EPROTO, where no answer came: it is not known then what became of the request.
   */
  async send(request: ShortRequest): Promise<HttpAnswer> {
    const { signal } = request;
    if (signal?.aborted === true) throw abortError();
    if (this.#isClosed) throw closedError();
    const head = this.#headOf(request);
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const task: Task = { request, head, resolve, reject };
    const abort = (): void => this.#abandon(task, abortError());
    signal?.addEventListener('abort', abort);
    try {
      this.#queue.push(task);
      this.#assign();
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true;
    const closed = closedError();
    for (const task of this.#queue.splice(0)) task.reject(closed);
    for (const { socket } of this.#connections) socket.destroy(closed);
  }

  /** Gives what waits to connections: to idle ones, else to new ones. */
  #assign(): void {
    while (this.#queue.length > 0) {
      const idle = this.#idle.pop();
      if (idle === undefined) break;
      if (performance.now() < idle.freshUntil) this.#use(idle, this.#queue.shift()!);
      else idle.socket.destroy();
    }
    while (this.#queue.length > this.#opening && this.#opening < this.#limit.count) {
      this.#opening += 1;
      this.#limit.take(this.#owner, () => this.#open());
    }
  }

  /** There is a place for one more connection. */
  #open(): void {
    this.#opening -= 1;
    const task = this.#queue.shift();
    if (task === undefined) return this.#limit.release();
    const socket = this.#connect();
    const unused = { task: undefined, reader: undefined, copied: undefined, freshUntil: 0 };
    const connection: Connection = { socket, ...unused };
    this.#connections.add(connection);
    let failure: Error | undefined;
    socket.setNoDelay(true);
    socket.setTimeout(this.#idleMilliseconds, () =>
      this.#discard(connection, silentConnection(this.#idleMilliseconds)),
    );
    socket.on('data', (bytes) => this.#receive(connection, () => connection.reader?.push(bytes)));
    socket.on('end', () => this.#receive(connection, () => connection.reader?.end()));
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => {
      this.#discard(connection);
      this.#connections.delete(connection);
      this.#limit.release();
      const message = 'the service closed the connection without an answer';
      this.#finish(connection)?.reject(failure ?? Object.assign(new Error(message), { code: 'ECONNRESET' }));
      this.#assign();
    });
    this.#use(connection, task);
  }

  #connect(): Socket {
    const { protocol, hostname, port } = this.#base;
    const host = hostname.replace(/^\[|\]$/g, '');
    if (protocol === 'http:') return connectPlainly({ host, port: Number(port || 80) });
    // Loaded only where it is needed, and then it is there before anything is sent.
    const { connect } = process.getBuiltinModule('node:tls');
    const name = isIP(host) === 0 ? { servername: host } : {};
    return connect({ host, port: Number(port || 443), ALPNProtocols: ['http/1.1'], ...name });
  }

  #use(connection: Connection, task: Task): void {
    const { socket } = connection;
    const { request, head } = task;
    connection.task = task;
    connection.reader = new HttpAnswerReader(request.method, LARGEST_ANSWER_BYTES);
    socket.ref();
    const { content = [] } = request;
    if (head.length + lengthOf(content) <= COPIED_BYTES) {
      const copied = (connection.copied ??= Buffer.allocUnsafeSlow(COPIED_BYTES));
      let length = copied.write(head, 'latin1');
      for (const piece of content) {
        copied.set(piece, length);
        length += piece.length;
      }
      socket.write(copied.subarray(0, length));
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    for (const piece of content) socket.write(piece);
    socket.uncork();
  }

  #receive(connection: Connection, read: () => HttpAnswer | undefined): void {
    const { socket } = connection;
    // Nobody asked: an answer to what timed out at the service, or nonsense.
    if (connection.task === undefined) return this.#discard(connection);
    let answer: HttpAnswer | undefined;
    try {
      answer = read();
    } catch (error) {
      return void socket.destroy(error as Error);
    }
    if (answer === undefined) return;
    const task = this.#finish(connection);
    // An answer that comes before all was sent is one; the rest is not sent.
    const isUsable = answer.keepsConnection && socket.writableLength === 0 && !socket.readableEnded;
    if (!isUsable || this.#isClosed || this.#limit.isWantedFrom(this.#owner)) socket.destroy();
    else this.#rest(connection, answer);
    task?.resolve(answer);
  }

  #rest(connection: Connection, { headers }: HttpAnswer): void {
    const next = this.#queue.shift();
    if (next !== undefined) return this.#use(connection, next);
    const said = /(?:^|[,\s])timeout=(\d+)/i.exec(headers['keep-alive'] ?? '')?.[1];
    const kept = said === undefined ? KEPT_MILLISECONDS : Number(said) * 1000 - CROSSING_MILLISECONDS;
    connection.freshUntil = performance.now() + kept;
    // An idle connection keeps no process alive.
    connection.socket.unref();
    this.#idle.push(connection);
  }

  #discard(connection: Connection, error?: Error): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    connection.socket.destroy(error);
  }

  #finish(connection: Connection): Task | undefined {
    const { task } = connection;
    connection.task = undefined;
    connection.reader = undefined;
    return task;
  }

  #abandon(task: Task, error: Error): void {
    const at = this.#queue.indexOf(task);
    if (at >= 0) this.#queue.splice(at, 1);
    for (const connection of this.#connections) {
      if (connection.task === task) connection.socket.destroy(error);
    }
    task.reject(error);
  }

  #closeIdle(): boolean {
    const idle = this.#idle.shift();
    idle?.socket.destroy();
    return idle !== undefined;
  }

  #headOf({ method, path, headers, content = [] }: ShortRequest): string {
    if (!PATH.test(path)) throw new TypeError('a path of HTTP has characters that it cannot have');
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#base.host}\r\n`;
    for (const [name, value] of Object.entries(headers)) {
      if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value))
        throw new TypeError(`the header ${name} has characters that HTTP cannot carry`);
      head += `${name}: ${value}\r\n`;
    }
    if (method !== 'GET' && method !== 'HEAD') head += `content-length: ${lengthOf(content)}\r\n`;
    return `${head}\r\n`;
  }
}

function lengthOf(content: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of content) length += piece.length;
  return length;
}

function closedError(): Error {
  return Object.assign(new Error('the client was closed'), { code: 'ECONNABORTED' });
}

function abortError(): Error {
  return Object.assign(new Error('the request was aborted'), { name: 'AbortError' });
}
