/** An editor's side of yaml-language-server: starts the real one and asks it over stdio, as editors do. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PROJECT_FOLDER } from '../source-files.ts';

/** Counted from 0, as the protocol does. */
export interface Position {
  line: number;
  character: number;
}

export interface Completion {
  label: string;
  insertText?: string;
  documentation?: string | { value: string };
}

export interface Diagnostic {
  message: string;
  range: { start: Position; end: Position };
}

interface Message {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string };
}

export interface LanguageClient extends AsyncDisposable {
  /** Shows the server a text as the content of a file that it does not know yet; gives what it marks in it, soon after. */
  open(path: string, text: string): Promise<Diagnostic[]>;
  complete(path: string, position: Position): Promise<Completion[]>;
  /** The text shown over a place; empty where there is none. */
  hover(path: string, position: Position): Promise<string>;
}

const SERVER = join(PROJECT_FOLDER, 'node_modules/yaml-language-server/bin/yaml-language-server');
/** As editors have it by default, but without schemas from the network. */
const SETTINGS = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };

export async function startLanguageServer(folder: string): Promise<LanguageClient> {
  const child = spawn(process.execPath, [SERVER, '--stdio'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const waiting = new Map<number, (answer: Message) => void>();
  const marks = new Map<string, (found: Diagnostic[]) => void>();
  let last = 0;
  let version = 0;

  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  const ask = async <T>(method: string, params: object): Promise<T> => {
    const id = ++last;
    const answer = await new Promise<Message>((resolve) => {
      waiting.set(id, resolve);
      send({ id, method, params });
    });
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  };
  const take = ({ id, method, params, ...answer }: Message): void => {
    if (method === undefined) {
      waiting.get(id!)?.(answer);
      waiting.delete(id!);
    } else if (method === 'textDocument/publishDiagnostics') {
      const { uri, diagnostics } = params as { uri: string; diagnostics: Diagnostic[] };
      marks.get(uri)?.(diagnostics);
      marks.delete(uri);
    } else if (method === 'workspace/configuration') {
      const { items } = params as { items: { section?: string }[] };
      send({ id, result: items.map(({ section }) => (section === 'yaml' ? SETTINGS : null)) });
    } else if (id !== undefined) send({ id, result: null });
  };
  readMessages(child.stdout, take);

  await ask('initialize', {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities: {
      workspace: { configuration: true },
      textDocument: {
        completion: { completionItem: { snippetSupport: true, documentationFormat: ['markdown', 'plaintext'] } },
        hover: { contentFormat: ['markdown', 'plaintext'] },
      },
    },
  });
  send({ method: 'initialized', params: {} });
  const at = (path: string) => ({ textDocument: { uri: pathToFileURL(join(folder, path)).href } });

  return {
    open(path, text) {
      const { uri } = at(path).textDocument;
      return new Promise((resolve) => {
        marks.set(uri, resolve);
        const textDocument = { uri, languageId: 'yaml', version: ++version, text };
        send({ method: 'textDocument/didOpen', params: { textDocument } });
      });
    },
    async complete(path, position) {
      const answer = await ask<{ items: Completion[] } | null>('textDocument/completion', { ...at(path), position });
      return answer?.items ?? [];
    },
    async hover(path, position) {
      const answer = await ask<{ contents: { value: string } } | null>('textDocument/hover', { ...at(path), position });
      return answer?.contents.value ?? '';
    },
    async [Symbol.asyncDispose]() {
      await ask('shutdown', {});
      send({ method: 'exit' });
      child.stdin.end();
      await exited;
    },
  };
}

/** Cuts a stream into messages: a head that tells the length in bytes, a blank line, JSON. */
function readMessages(stream: NodeJS.ReadableStream, take: (message: Message) => void): void {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const body = rest.indexOf('\r\n\r\n') + 4;
      const length = Number(/Content-Length: (\d+)/i.exec(rest.toString('latin1', 0, Math.max(0, body)))?.[1]);
      if (body < 4 || rest.length < body + length) return;
      take(JSON.parse(rest.toString('utf8', body, body + length)) as Message);
      rest = rest.subarray(body + length);
    }
  });
}
