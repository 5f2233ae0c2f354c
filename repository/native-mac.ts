/** Poly1305-AES by the OpenSSL that Node itself is linked with: its vector code takes a third of the time that libsodium's takes. */
import { createCipheriv } from 'node:crypto';
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/** Writes the authenticator of a message under a 16-byte nonce into the 16 bytes of `mac`. */
export type Authenticator = (nonce: Uint8Array, message: Uint8Array, mac: Uint8Array) => void;

type Pointer = object;

const BLOCK_BYTES = 16;

/**
 * One instance a thread. undefined where Node does not export the library (it is no promise of Node's), or where it does not
 * answer as it should: libsodium must be at hand in any case. Throws when OpenSSL refuses.
 *
 * @param macK 16 bytes, the AES key.
 * @param macR 16 bytes, clamped.
 */
export function loadNativeMac(macK: Uint8Array, macR: Uint8Array): Authenticator | undefined {
  try {
    const library = loadLibrary();
    const cipher = demand(library.newCipher());
    const algorithm = demand(library.fetchMac(null, 'POLY1305', null));
    const mac = demand(library.newMac(algorithm));
    // A context keeps what it needs of the algorithm.
    library.freeMac(algorithm);
    demand(library.initCipher(cipher, library.aes128Ecb(), null, macK, null));
    const guard = {};
    contexts.register(guard, () => {
      library.freeCipher(cipher);
      library.freeMacContext(mac);
    });
    const authenticate = bindAuthenticator(library, cipher, mac, macR, guard);
    return isRight(authenticate, macK, macR) ? authenticate : undefined;
  } catch {
    return undefined;
  }
}

function bindAuthenticator(
  library: Library,
  cipher: Pointer,
  context: Pointer,
  macR: Uint8Array,
  guard: object,
): Authenticator {
  const written = new Int32Array(1);
  // r in its first half, AES of the nonce in the second (Bernstein 2005).
  const oneTimeKey = new Uint8Array(2 * BLOCK_BYTES);
  oneTimeKey.set(macR, 0);
  const maskedNonce = oneTimeKey.subarray(BLOCK_BYTES);
  return (nonce, message, mac) => {
    if (nonce.length !== BLOCK_BYTES || mac.length !== BLOCK_BYTES) {
      throw new RangeError(`Poly1305-AES takes a nonce and memory of 16 bytes, not ${nonce.length} and ${mac.length}`);
    }
    const done =
      guard !== undefined &&
      library.updateCipher(cipher, maskedNonce, written, nonce, BLOCK_BYTES) === 1 &&
      library.initMac(context, oneTimeKey, oneTimeKey.length, null) === 1 &&
      // An empty array may have no address.
      (message.length === 0 || library.updateMac(context, message, message.length) === 1) &&
      library.finishMac(context, mac, null, BLOCK_BYTES) === 1;
    if (!done) throw new Error('OpenSSL refused to compute Poly1305');
  };
}

/** Of an empty message the authenticator is AES of the nonce, whatever r is. */
function isRight(authenticate: Authenticator, macK: Uint8Array, macR: Uint8Array): boolean {
  const nonce = Uint8Array.from(macR);
  const actual = new Uint8Array(BLOCK_BYTES);
  authenticate(nonce, new Uint8Array(0), actual);
  const expected = createCipheriv('aes-128-ecb', macK, null).setAutoPadding(false).update(nonce);
  return expected.equals(actual);
}

function demand<Result>(result: Result | null): Result {
  if (result === null || result === 0) throw new Error('OpenSSL refused');
  return result;
}

interface Library {
  newCipher(): Pointer | null;
  freeCipher(context: Pointer): void;
  aes128Ecb(): Pointer;
  initCipher(context: Pointer, type: Pointer, engine: null, key: Uint8Array, nonce: null): number;
  updateCipher(context: Pointer, output: Uint8Array, written: Int32Array, input: Uint8Array, length: number): number;
  fetchMac(context: null, name: string, properties: null): Pointer | null;
  freeMac(mac: Pointer): void;
  newMac(mac: Pointer): Pointer | null;
  freeMacContext(context: Pointer): void;
  initMac(context: Pointer, key: Uint8Array, length: number, parameters: null): number;
  updateMac(context: Pointer, data: Uint8Array, length: number): number;
  finishMac(context: Pointer, mac: Uint8Array, written: null, length: number): number;
}

const contexts = new FinalizationRegistry<() => void>((free) => free());

/** OpenSSL's public functions: EVP_EncryptInit(3), EVP_MAC(3). */
function loadLibrary(): Library {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  const own = koffi.load(null);
  return {
    newCipher: own.func('void *EVP_CIPHER_CTX_new()'),
    freeCipher: own.func('void EVP_CIPHER_CTX_free(void *context)'),
    aes128Ecb: own.func('void *EVP_aes_128_ecb()'),
    initCipher: own.func(
      'int EVP_EncryptInit_ex(void *context, void *type, void *engine, const uint8_t *key, const uint8_t *nonce)',
    ),
    updateCipher: own.func(
      'int EVP_EncryptUpdate(void *context, uint8_t *output, int *written, const uint8_t *input, int length)',
    ),
    fetchMac: own.func('void *EVP_MAC_fetch(void *context, const char *name, const char *properties)'),
    freeMac: own.func('void EVP_MAC_free(void *mac)'),
    newMac: own.func('void *EVP_MAC_CTX_new(void *mac)'),
    freeMacContext: own.func('void EVP_MAC_CTX_free(void *context)'),
    initMac: own.func('int EVP_MAC_init(void *context, const uint8_t *key, size_t length, void *parameters)'),
    updateMac: own.func('int EVP_MAC_update(void *context, const uint8_t *data, size_t length)'),
    finishMac: own.func('int EVP_MAC_final(void *context, uint8_t *mac, size_t *written, size_t length)'),
  };
}
