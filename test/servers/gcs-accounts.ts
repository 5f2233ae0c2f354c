/**
 * Accounts and permissions before fake-gcs-server, which knows neither: a proxy that gives tokens for the keys of service
 * accounts and for the logins of people, as Google's token endpoint does, and lets nothing pass without one that has the
 * permission. Answers are those that Google documents.
 */
import { createVerify, generateKeyPairSync, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type GcsPermission = 'get' | 'list' | 'create' | 'delete' | 'update';

/** Where Google's library gets tokens, whatever else is configured. */
const TOKEN_HOST = 'oauth2.googleapis.com';

export interface GcsAccounts {
  /** Where clients find the bucket. */
  endpoint: string;
  /** What a process needs to find the token endpoint here instead of at Google. */
  environment: Record<string, string>;
  /** A file with the key of a new service account that may do this, as Google gives it. */
  createKey(name: string, permissions: readonly GcsPermission[]): Promise<string>;
  /** A file as `gcloud auth application-default login` leaves it. */
  createLogin(name: string, permissions: readonly GcsPermission[]): Promise<string>;
  /** How many tokens were given out so far, and the requests that were refused, as `STATUS METHOD what`. */
  tokensGiven(): number;
  refused: string[];
  stop(): Promise<void>;
}

interface Account {
  name: string;
  permissions: ReadonlySet<GcsPermission>;
  publicKey?: string;
  refreshToken?: string;
}

/** @param backend Of fake-gcs-server, which must have been told that it is reached at `endpoint`. */
export async function startGcsAccounts(backendOf: () => string, openssl: string): Promise<GcsAccounts> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-gcs-accounts-'));
  const [keyFile, certificateFile] = [join(folder, 'tls.key'), join(folder, 'tls.pem')];
  const named = ['-subj', `/CN=${TOKEN_HOST}`, '-addext', `subjectAltName=DNS:${TOKEN_HOST}`];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    keyFile,
    '-out',
    certificateFile,
  ];
  execFileSync(openssl, [...made, ...named], { stdio: 'ignore' });
  const accounts: Account[] = [];
  const tokens = new Map<string, Account>();
  const refused: string[] = [];
  let given = 0;
  const give = (account: Account): string => {
    const token = `token-${randomBytes(16).toString('hex')}`;
    tokens.set(token, account);
    given += 1;
    return token;
  };
  const secure = createSecureServer(
    { key: await readFile(keyFile), cert: await readFile(certificateFile) },
    (incoming, outgoing) => void answerTokenRequest(incoming, outgoing, accounts, give),
  );
  const gate = createServer((incoming, outgoing) => {
    void pass(incoming, outgoing, { backend: backendOf(), tokens, refused });
  });
  const sockets = new Set<Socket>();
  for (const server of [gate, secure]) await listen(server, sockets);
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  // Google's library goes through the proxy of its environment to the token endpoint: nowhere else.
  gate.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    if (incoming.url !== `${TOKEN_HOST}:443`) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const through = connect(portOf(secure), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    for (const end of [socket, through]) end.on('error', () => undefined);
  });
  const endpoint = `http://127.0.0.1:${portOf(gate)}`;
  const write = async (name: string, content: object): Promise<string> => {
    const file = join(folder, `${name}.json`);
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  };
  return {
    endpoint,
    environment: { HTTPS_PROXY: endpoint, NO_PROXY: '127.0.0.1,localhost', NODE_EXTRA_CA_CERTS: certificateFile },
    createKey(name, permissions) {
      const email = `${name}@acme.iam.gserviceaccount.com`;
      const { publicKey, privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      accounts.push({ name: email, permissions: new Set(permissions), publicKey });
      return write(name, {
        type: 'service_account',
        project_id: 'acme',
        private_key_id: randomBytes(20).toString('hex'),
        private_key: privateKey,
        client_email: email,
        client_id: '1',
        token_uri: `https://${TOKEN_HOST}/token`,
      });
    },
    createLogin(name, permissions) {
      const refreshToken = randomBytes(20).toString('hex');
      accounts.push({ name, permissions: new Set(permissions), refreshToken });
      const login = { client_id: 'client', client_secret: 'not secret', refresh_token: refreshToken };
      return write(name, { type: 'authorized_user', ...login });
    },
    tokensGiven: () => given,
    refused,
    async stop() {
      for (const socket of sockets) socket.destroy();
      for (const server of [gate, secure]) {
        server.close();
        await once(server, 'close');
      }
      await rm(folder, { recursive: true });
    },
  };
}

async function listen(server: Server, sockets: Set<Socket>): Promise<void> {
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** RFC 7523 for keys, RFC 6749 for logins. */
async function answerTokenRequest(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  accounts: readonly Account[],
  give: (account: Account) => string,
): Promise<void> {
  const form = new URLSearchParams((await readBody(incoming)).toString());
  const account =
    form.get('grant_type') === 'refresh_token'
      ? accounts.find(({ refreshToken }) => refreshToken !== undefined && refreshToken === form.get('refresh_token'))
      : accountOfAssertion(form.get('assertion') ?? '', accounts);
  outgoing.setHeader('content-type', 'application/json');
  if (account === undefined) {
    outgoing.statusCode = 400;
    outgoing.end(JSON.stringify({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }));
    return;
  }
  outgoing.end(JSON.stringify({ access_token: give(account), expires_in: 3599, token_type: 'Bearer' }));
}

function accountOfAssertion(assertion: string, accounts: readonly Account[]): Account | undefined {
  const [header = '', payload = '', signature = ''] = assertion.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, string | number>;
  const account = accounts.find(({ name, publicKey }) => publicKey !== undefined && name === claims['iss']);
  if (account === undefined || claims['aud'] !== `https://${TOKEN_HOST}/token`) return undefined;
  if (Number(claims['exp']) * 1000 < Date.now() || !String(claims['scope']).includes('devstorage')) return undefined;
  const verify = createVerify('RSA-SHA256').update(`${header}.${payload}`);
  return verify.verify(account.publicKey!, signature, 'base64url') ? account : undefined;
}

interface Gate {
  backend: string;
  tokens: ReadonlyMap<string, Account>;
  refused: string[];
}

async function pass(incoming: IncomingMessage, outgoing: ServerResponse, gate: Gate): Promise<void> {
  const { method = '', headers } = incoming;
  const url = new URL(incoming.url ?? '/', gate.backend);
  const refuse = (status: number, reason: string, message: string): void => {
    gate.refused.push(`${status} ${method} ${url.pathname}`);
    const error = { code: status, message, errors: [{ domain: 'global', reason, message }] };
    incoming.resume();
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  };
  const account = gate.tokens.get(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '');
  if (account === undefined) return refuse(401, 'authError', 'Invalid Credentials');
  if (url.pathname.endsWith('/iam/testPermissions')) {
    const asked = url.searchParams.getAll('permissions');
    const permissions = asked.filter((name) => account.permissions.has(name.split('.').at(-1) as GcsPermission));
    outgoing.end(JSON.stringify({ permissions }));
    return;
  }
  try {
    for (const permission of await permissionsFor(method, url, gate.backend)) {
      if (account.permissions.has(permission)) continue;
      const message = `${account.name} does not have storage.objects.${permission} access to the Google Cloud Storage object.`;
      return refuse(403, 'forbidden', message);
    }
  } catch {
    return refuse(503, 'backendError', 'the backend does not answer');
  }
  const { authorization: _, ...passed } = headers;
  const sent = request(url, { method, headers: passed }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(outgoing);
  });
  sent.on('error', () => outgoing.destroy());
  incoming.on('error', () => sent.destroy());
  incoming.pipe(sent);
}

/** As Google's page "IAM permissions for JSON methods" has them: who replaces an object removes the one that was there. */
async function permissionsFor(method: string, url: URL, backend: string): Promise<GcsPermission[]> {
  const { pathname, searchParams } = url;
  if (pathname.startsWith('/upload/')) {
    const name = searchParams.get('name');
    // The pieces of an upload that has begun, and an upload that may not replace.
    const cannotReplace = name === null || searchParams.get('ifGenerationMatch') === '0';
    return cannotReplace || !(await exists(backend, bucketOf(pathname), name)) ? ['create'] : ['create', 'delete'];
  }
  const [, copied] = /\/rewriteTo\/b\/[^/]+\/o\/(.+)$/.exec(pathname) ?? [];
  if (copied !== undefined) {
    const isThere = await exists(backend, bucketOf(pathname), decodeURIComponent(copied));
    return isThere ? ['get', 'create', 'delete'] : ['get', 'create'];
  }
  if (method === 'PATCH') return ['get', 'update'];
  if (method === 'DELETE') return ['delete'];
  return [pathname.endsWith('/o') ? 'list' : 'get'];
}

function bucketOf(pathname: string): string {
  return /\/b\/([^/]+)\//.exec(pathname)?.[1] ?? '';
}

async function exists(backend: string, bucket: string, name: string): Promise<boolean> {
  const { status } = await fetch(`${backend}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`);
  return status === 200;
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The same key file, signed with another key: what is left when a key was replaced. */
export async function withOtherKey(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const content = JSON.parse(await readFile(file, 'utf8')) as object;
  const other = file.replace(/\.json$/, '-other.json');
  await writeFile(other, JSON.stringify({ ...content, private_key: privateKey }), { mode: 0o600 });
  return other;
}
