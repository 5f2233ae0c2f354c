/** What makes ssh2 faster than it comes: fewer writes to the socket, and keys that are prepared once instead of for each packet. */
import { createSecretKey } from 'node:crypto';
import { Socket } from 'node:net';
import type { Client } from 'ssh2';

/**
 * Gathers what is written in one turn of the event loop: ssh2 writes length, content and tag of each packet apart, and
 * without Nagle's delay each would be a segment of its own that wakes the server.
 */
export class GatheringSocket extends Socket {
  #gathers = false;

  override write(...args: unknown[]): boolean {
    if (!this.#gathers) {
      this.#gathers = true;
      this.cork();
      setImmediate(() => {
        this.#gathers = false;
        this.uncork();
      });
    }
    return super.write(...(args as Parameters<Socket['write']>));
  }
}

/** What ssh2 keeps without a public name: the state of both directions, new after each exchange of keys. */
interface ProtocolInternals {
  _cipher?: CipherInternals;
  _decipher?: CipherInternals;
}

interface CipherInternals {
  _encKey?: unknown;
  _decipherKey?: unknown;
}

/**
 * Of AES-GCM ssh2 makes a cipher for each packet; from plain bytes node:crypto first makes a key object each time, as long
 * as the encryption itself takes. Call it after `connect`. Where ssh2 is otherwise inside, nothing changes.
 */
export function prepareKeys(client: Client): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: ProtocolInternals };
  if (protocol === undefined) return;
  onAssignment(protocol, '_cipher', (cipher) => prepareKey(cipher, '_encKey'));
  onAssignment(protocol, '_decipher', (decipher) => prepareKey(decipher, '_decipherKey'));
}

function prepareKey(cipher: CipherInternals, name: keyof CipherInternals): void {
  const key = cipher[name];
  if (Buffer.isBuffer(key)) cipher[name] = createSecretKey(key);
}

function onAssignment(
  protocol: ProtocolInternals,
  name: keyof ProtocolInternals,
  see: (cipher: CipherInternals) => void,
): void {
  let current = protocol[name];
  Object.defineProperty(protocol, name, {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(next: CipherInternals | undefined) {
      if (next !== undefined) see(next);
      current = next;
    },
  });
}
