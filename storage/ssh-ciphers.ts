/** Puts the ciphers of this project in the place of ssh2's, which make a cipher object and fresh memory for each packet. */
import { createSecretKey } from 'node:crypto';
import type { Client } from 'ssh2';
import { GcmCipher, GcmDecipher, type GcmKey, type OnPayload } from './ssh-gcm.ts';
import type { GatheringSocket } from './ssh-socket.ts';

/** What ssh2 keeps without a public name: the state of both directions, new after each exchange of keys. */
interface ProtocolInternals {
  _cipher?: object;
  _decipher?: object;
}

/** Of AES-GCM (`AESGCMCipherNative` and `AESGCMDecipherNative` in ssh2's protocol/crypto.js). */
interface CipherInternals {
  outSeqno: number;
  _encSSLName: string;
  _encKey: Uint8Array;
  _encIV: Uint8Array;
}

interface DecipherInternals {
  inSeqno: number;
  _onPayload: OnPayload;
  _decipherSSLName: string;
  _decipherKey: Uint8Array;
  _decipherIV: Uint8Array;
}

/**
 * Call it after `connect`. Other algorithms, and all of them where ssh2 is inside other than it was, are left to ssh2. So is
 * AES-GCM where Node does not export OpenSSL; only its key is prepared then, once instead of for each packet, which takes as
 * long as the encryption itself.
 */
export function useOwnCiphers(client: Client, socket: GatheringSocket): void {
  const { _protocol: protocol } = client as unknown as { _protocol?: ProtocolInternals };
  if (protocol === undefined) return;
  onAssignment(protocol, '_cipher', (given) => {
    const { outSeqno, _encSSLName: name, _encKey: key, _encIV: nonce } = given as CipherInternals;
    if (!isGcm({ name, key, nonce })) return given;
    const own = GcmCipher.open({ name, key, nonce }, outSeqno, (bytes) => socket.reserve(bytes));
    return own ?? Object.assign(given, { _encKey: createSecretKey(key) });
  });
  onAssignment(protocol, '_decipher', (given) => {
    const {
      inSeqno,
      _onPayload,
      _decipherSSLName: name,
      _decipherKey: key,
      _decipherIV: nonce,
    } = given as DecipherInternals;
    socket.isReadAtOnce = false;
    if (!isGcm({ name, key, nonce })) return given;
    const own = GcmDecipher.open({ name, key, nonce }, inSeqno, _onPayload);
    socket.isReadAtOnce = own !== undefined;
    return own ?? Object.assign(given, { _decipherKey: createSecretKey(key) });
  });
}

function isGcm({ name, key, nonce }: Partial<GcmKey>): boolean {
  return name?.endsWith('-gcm') === true && key instanceof Uint8Array && nonce instanceof Uint8Array;
}

function onAssignment(
  protocol: ProtocolInternals,
  name: keyof ProtocolInternals,
  replace: (given: object) => object,
): void {
  let current = protocol[name];
  Object.defineProperty(protocol, name, {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(given: object | undefined) {
      current = given === undefined ? undefined : replace(given);
    },
  });
}
