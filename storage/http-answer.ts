/** Reads one answer of HTTP/1.1 (RFC 9112) from the bytes of a connection. Whatever is not plainly one is refused. */

export interface HttpAnswer {
  status: number;
  /** Names in lower case; of one that comes several times the values are joined by a comma. Bytes are characters of their own (Latin-1). */
  headers: Readonly<Partial<Record<string, string>>>;
  body: Buffer;
  /** Whether the connection may carry another request. */
  keepsConnection: boolean;
}

/** Of all header lines together; Node's own limit is as large. */
const LARGEST_HEAD_BYTES = 16 * 1024;
const LONGEST_SIZE_LINE_BYTES = 1024;

const CRLF = '\r\n';
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~\dA-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK_SIZE = /^([\da-fA-F]{1,8})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** What is to come of the body: so many bytes, chunks, or all until the connection ends. */
type Framing = number | 'chunks' | 'end';

interface Head {
  status: number;
  headers: Record<string, string>;
  framing: Framing;
  keepsConnection: boolean;
}

export class HttpAnswerReader {
  readonly #toHead: boolean;
  readonly #largestBytes: number;
  #received: Buffer = Buffer.alloc(0);
  #head: Head | undefined;
  readonly #body: Buffer[] = [];
  #bodyBytes = 0;
  /** Still to come of the chunk that is being read; undefined: its size line comes next. */
  #chunkBytes: number | undefined;
  #isBehindChunks = false;

  /** @param method HEAD has answers without bodies. @param largestBytes Of a body; a longer one is refused. */
  constructor(method: string, largestBytes: number) {
    this.#toHead = method === 'HEAD';
    this.#largestBytes = largestBytes;
  }

  /** The answer, when it is whole with these bytes. They are kept. Throws an Error for what is none, and for what comes behind it. */
  push(bytes: Buffer): HttpAnswer | undefined {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (this.#head === undefined) {
      const end = this.#received.indexOf(`${CRLF}${CRLF}`);
      if (Math.max(end, end < 0 ? this.#received.length : 0) > LARGEST_HEAD_BYTES)
        throw malformed('its head is too long');
      if (end < 0) return undefined;
      const head = readHead(this.#take(end + 4).toString('latin1', 0, end), this.#toHead);
      // Others say that the answer is still to come.
      if (head.status >= 200) this.#head = head;
      else if (head.status === 101) throw malformed('it changes the protocol, which nobody asked for');
    }
    const { framing } = this.#head;
    if (framing === 'chunks') return this.#readChunks();
    this.#keep(framing === 'end' ? this.#received.length : Math.min(framing - this.#bodyBytes, this.#received.length));
    return this.#bodyBytes === framing ? this.#whole(this.#head) : undefined;
  }

  /** When the connection has ended: the answer, if that is how it ends. */
  end(): HttpAnswer | undefined {
    return this.#head?.framing === 'end' ? this.#whole(this.#head) : undefined;
  }

  #readChunks(): HttpAnswer | undefined {
    while (!this.#isBehindChunks) {
      if (this.#chunkBytes !== undefined) {
        const length = Math.min(this.#chunkBytes, this.#received.length);
        this.#keep(length);
        this.#chunkBytes -= length;
        if (this.#chunkBytes > 0 || this.#received.length < CRLF.length) return undefined;
        if (this.#take(CRLF.length).toString('latin1') !== CRLF) throw malformed('a chunk is longer than its size');
        this.#chunkBytes = undefined;
      }
      const line = this.#takeLine();
      if (line === undefined) return undefined;
      const size = CHUNK_SIZE.exec(line)?.[1];
      if (size === undefined) throw malformed('a chunk has no size');
      this.#chunkBytes = Number.parseInt(size, 16);
      this.#isBehindChunks = this.#chunkBytes === 0;
    }
    // Headers that come behind the last chunk are of no use here.
    for (let line = this.#takeLine(); line !== undefined; line = this.#takeLine()) {
      if (line === '') return this.#whole(this.#head!);
    }
    return undefined;
  }

  #whole({ status, headers, framing, keepsConnection }: Head): HttpAnswer {
    if (this.#received.length > 0) throw malformed('more comes than was asked for');
    const body = this.#body.length === 1 ? this.#body[0]! : Buffer.concat(this.#body);
    return { status, headers, body, keepsConnection: keepsConnection && framing !== 'end' };
  }

  #keep(length: number): void {
    this.#bodyBytes += length;
    if (this.#bodyBytes > this.#largestBytes) throw malformed(`it has more than ${this.#largestBytes} bytes`);
    if (length > 0) this.#body.push(this.#take(length));
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }

  #takeLine(): string | undefined {
    const end = this.#received.indexOf(CRLF);
    if (end < 0 && this.#received.length <= LONGEST_SIZE_LINE_BYTES) return undefined;
    if (end < 0 || end > LONGEST_SIZE_LINE_BYTES) throw malformed('a line in its body is too long');
    return this.#take(end + CRLF.length).toString('latin1', 0, end);
  }
}

function readHead(text: string, toHead: boolean): Head {
  const [first = '', ...lines] = text.split(CRLF);
  const [, minor, code] = STATUS_LINE.exec(first) ?? [];
  if (code === undefined) throw malformed('it does not begin with a status');
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const [, written, value = ''] = HEADER_LINE.exec(line) ?? [];
    if (written === undefined) throw malformed('one of its headers is none');
    const name = written.toLowerCase();
    const before = headers[name];
    headers[name] = before === undefined ? value.trimEnd() : `${before}, ${value.trimEnd()}`;
  }
  const status = Number(code);
  const keepsConnection = minor === '1' && !/(^|,)\s*close\s*(,|$)/i.test(headers['connection'] ?? '');
  const hasBody = !toHead && status >= 200 && status !== 204 && status !== 304;
  return { status, headers, framing: hasBody ? framingOf(headers) : 0, keepsConnection };
}

/** By RFC 9112, 6.3; a length beside chunks, or two lengths, are how requests are smuggled. */
function framingOf({ 'transfer-encoding': encoding, 'content-length': length }: Record<string, string>): Framing {
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked' || length !== undefined) throw malformed('how long it is cannot be known');
    return 'chunks';
  }
  if (length === undefined) return 'end';
  if (!/^\d{1,15}$/.test(length)) throw malformed('its length is no number');
  return Number(length);
}

function malformed(why: string): Error {
  return Object.assign(new Error(`the answer of the service cannot be read: ${why}`), { code: 'EPROTO' });
}
