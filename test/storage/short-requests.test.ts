import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ConnectionLimit, type ConnectionOwner } from '../../storage/connection-limit.ts';
import { createIdleAgents } from '../../storage/idle-agents.ts';
import { ShortRequests } from '../../storage/short-requests.ts';
import { requirePeer } from '../peers.ts';

const openssl = requirePeer('openssl');

interface Surroundings {
  requests: ShortRequests;
  limit: CountedLimit;
  base: URL;
  /** Connections that were ever made, and the most at a time. */
  connections: { made: number; most: number; now: number };
}

async function withServer(
  server: Server,
  body: (surroundings: Surroundings) => Promise<void>,
  { connections: count = 4, idleMilliseconds = 5000 } = {},
): Promise<void> {
  const connections = { made: 0, most: 0, now: 0 };
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    connections.made += 1;
    connections.most = Math.max(connections.most, (connections.now += 1));
    socket.on('close', () => (connections.now -= 1)).on('error', () => undefined);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const limit = new CountedLimit(count);
  const requests = new ShortRequests(base, limit, idleMilliseconds);
  try {
    await body({ requests, limit, base, connections });
  } finally {
    requests.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** What the service sees of a connection that was closed comes later than its successor. */
class CountedLimit extends ConnectionLimit {
  given = 0;
  most = 0;
  #now = 0;

  override take(owner: ConnectionOwner, open: () => void): void {
    super.take(owner, () => {
      this.given += 1;
      this.most = Math.max(this.most, (this.#now += 1));
      open();
    });
  }

  override release(): void {
    this.#now -= 1;
    super.release();
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of message) text += String(piece);
  return text;
}

const echo: RequestListener = (message, response) => {
  void textOf(message).then((text) => {
    const { method, url, headers } = message;
    response.end(JSON.stringify({ method, url, headers, text: text.length > 100 ? text.length : text }));
  });
};

it('sends what it is told, of any size, and reads what comes back', async () => {
  await withServer(createServer(echo), async ({ requests, base }) => {
    for (const length of [0, 3, 300_000]) {
      const content = [Buffer.from('ab'), Buffer.alloc(length, 'c')];
      const sent = { method: 'PUT', path: '/a%20b?c=d', headers: { 'x-e': 'f' }, content } as const;
      const { status, headers, body } = await requests.send(sent);
      expect(status).toBe(200);
      expect(headers['content-type']).toBeUndefined();
      expect(JSON.parse(body.toString())).toEqual({
        method: 'PUT',
        url: '/a%20b?c=d',
        headers: { host: base.host, 'x-e': 'f', 'content-length': String(length + 2) },
        text: length > 100 ? length + 2 : `ab${'c'.repeat(length)}`,
      });
    }
    const { body } = await requests.send({ method: 'GET', path: '/', headers: {} });
    expect(JSON.parse(body.toString())).toEqual({ method: 'GET', url: '/', headers: { host: base.host }, text: '' });
  });
});

it('keeps its connections, and never has more than it may', async () => {
  await withServer(createServer(echo), async ({ requests, connections }) => {
    const send = () => requests.send({ method: 'PUT', path: '/', headers: {}, content: [Buffer.from('x')] });
    await Promise.all(Array.from({ length: 50 }, send));
    for (let count = 0; count < 10; count += 1) await send();
    expect(connections).toEqual({ made: 4, most: 4, now: 4 });
  });
});

it('shares its limit with Node’s client, which gets a place and gives one back', async () => {
  await withServer(
    createServer(echo),
    async ({ requests, limit, base, connections }) => {
      const agents = createIdleAgents(limit, 5000);
      const send = async () => {
        await requests.send({ method: 'PUT', path: '/', headers: {}, content: [Buffer.from('x')] });
      };
      const get = async () => {
        const sent = request(base, { agent: agents.http }).end();
        const [message] = (await once(sent, 'response')) as [IncomingMessage];
        await textOf(message);
      };
      for (let count = 0; count < 3; count += 1) {
        await Promise.all(Array.from({ length: 10 }, send));
        await Promise.all(Array.from({ length: 10 }, get));
      }
      await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? send() : get())));
      expect(limit.most).toBe(2);
      // A place is given back unused where nothing waits any more.
      expect(connections.made).toBeLessThanOrEqual(limit.given);
      agents.destroy();
    },
    { connections: 2 },
  );
});

it('takes a new connection where the service has closed the old one, or says that it will', async () => {
  let says = 'keep-alive';
  const server = createServer((_, response) => response.setHeader('connection', says).end());
  await withServer(server, async ({ requests, connections }) => {
    const send = () => requests.send({ method: 'HEAD', path: '/', headers: {} });
    await send();
    server.closeIdleConnections();
    await delay(50);
    await send();
    expect(connections.made).toBe(2);
    says = 'close';
    await send();
    await send();
    expect(connections.made).toBe(3);
  });
});

it('does not use a connection of which the service says that it is about to be closed', async () => {
  const server = createServer((_, response) => response.setHeader('keep-alive', 'timeout=1').end());
  await withServer(server, async ({ requests, connections }) => {
    for (let count = 0; count < 3; count += 1) await requests.send({ method: 'HEAD', path: '/', headers: {} });
    expect(connections.made).toBe(3);
  });
});

it('takes an answer that comes before all was sent', async () => {
  const server = createServer((_, response) => {
    response.writeHead(403, { connection: 'close' }).end('no');
  });
  await withServer(server, async ({ requests }) => {
    const content = [Buffer.alloc(8 * 1024 * 1024)];
    const { status, body } = await requests.send({ method: 'PUT', path: '/', headers: {}, content });
    expect([status, body.toString()]).toEqual([403, 'no']);
  });
});

it('fails where no answer comes: closed, cut off, silent, no service, aborted, closed by us', async () => {
  const failing: Record<string, (socket: Socket) => void> = {
    '/closed': (socket) => socket.end(),
    '/reset': (socket) => socket.resetAndDestroy(),
    '/cut': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab'),
    '/nonsense': (socket) => socket.write('220 mail.example.org ESMTP\r\n\r\n'),
    '/silent': () => undefined,
  };
  const server = createTcpServer((socket) => {
    socket.on('data', (bytes) => failing[/ (\/\w*) /.exec(bytes.toString())?.[1] ?? '']?.(socket));
  });
  await withServer(
    server,
    async ({ requests }) => {
      const send = (path: string, signal?: AbortSignal) =>
        requests.send({ method: 'GET', path, headers: {}, ...(signal === undefined ? {} : { signal }) });
      await expect(send('/closed')).rejects.toMatchObject({ code: 'ECONNRESET' });
      await expect(send('/reset')).rejects.toMatchObject({ code: 'ECONNRESET' });
      await expect(send('/cut')).rejects.toMatchObject({ code: 'ECONNRESET' });
      await expect(send('/nonsense')).rejects.toMatchObject({ code: 'EPROTO' });
      await expect(send('/silent')).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      await expect(send('/silent', AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'AbortError' });
      await expect(send('/silent', AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
      // Waiting for its turn, too.
      const all = Array.from({ length: 6 }, () =>
        expect(send('/silent')).rejects.toMatchObject({ code: 'ECONNABORTED' }),
      );
      requests.close();
      await Promise.all(all);
      await expect(send('/closed')).rejects.toMatchObject({ code: 'ECONNABORTED' });
      const nobody = new ShortRequests(new URL('http://127.0.0.1:1'), new ConnectionLimit(1), 1000);
      const refused = { method: 'GET', path: '/', headers: {} } as const;
      await expect(nobody.send(refused)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
    { idleMilliseconds: 500 },
  );
});

it('goes on with what waits when one request is aborted', async () => {
  const server = createServer((message, response) => {
    if (message.url !== '/silent') response.end();
  });
  await withServer(
    server,
    async ({ requests }) => {
      const silent = requests.send({ method: 'GET', path: '/silent', headers: {}, signal: AbortSignal.timeout(100) });
      const others = [1, 2, 3].map(() => requests.send({ method: 'GET', path: '/', headers: {} }));
      await expect(silent).rejects.toMatchObject({ name: 'AbortError' });
      expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200, 200]);
    },
    { connections: 1 },
  );
});

it('sends nothing that HTTP cannot carry', async () => {
  await withServer(createServer(echo), async ({ requests, connections }) => {
    const wrong: { path: string; headers: Record<string, string> }[] = [
      { path: '/', headers: { a: 'b\r\nc: d' } },
      { path: '/', headers: { a: 'schlüssel\u{1f511}' } },
      { path: '/', headers: { 'a: b\r\nc': 'd' } },
      { path: '/ HTTP/1.1\r\nx: y', headers: {} },
      { path: 'http://elsewhere', headers: {} },
    ];
    for (const sent of wrong) await expect(requests.send({ method: 'GET', ...sent })).rejects.toThrow(TypeError);
    expect(connections.made).toBe(0);
  });
});

openssl.it('speaks TLS with a service whose certificate is trusted, and tells nothing to another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=localhost',
  ];
  execFileSync(openssl.command, [...made, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const heard: unknown[] = [];
  const identity = { key: readFileSync(key), cert: readFileSync(cert, 'utf8') };
  rmSync(folder, { recursive: true });
  const server = createSecureServer(identity, (message, response) => {
    heard.push(message.headers['x-secret']);
    echo(message, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const base = new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
  const requests = new ShortRequests(base, new ConnectionLimit(2), 5000);
  const send = () => requests.send({ method: 'GET', path: '/a', headers: { 'x-secret': 'b' } });
  const trusted = getCACertificates('default');
  try {
    await expect(send()).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(heard).toEqual([]);
    setDefaultCACertificates([...trusted, identity.cert]);
    for (let count = 0; count < 3; count += 1)
      expect(await send()).toMatchObject({ status: 200, keepsConnection: true });
    expect(heard).toEqual(['b', 'b', 'b']);
  } finally {
    setDefaultCACertificates(trusted);
    requests.close();
    server.close();
  }
});
