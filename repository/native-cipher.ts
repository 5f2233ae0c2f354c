/** AES-256-CTR by the OpenSSL that Node itself is linked with: one context for all blobs, and no copies, where node:crypto makes a stream for each. */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/**
 * Applies the key stream that begins at the 16-byte nonce: encrypts plain bytes, decrypts cipher text. `output` has the
 * length of `input`, and is either the same memory or apart from it.
 */
export type CtrCipher = (nonce: Uint8Array, input: Uint8Array, output: Uint8Array) => void;

type Pointer = object;

/** OpenSSL counts in `int`. */
const LARGEST_INPUT_BYTES = 2 ** 31 - 1;

/**
 * One instance a thread. undefined where Node does not export the library: it is no promise of Node's, so that
 * node:crypto must be at hand. Throws when OpenSSL refuses, which it does for a wrong length alone.
 *
 * @param key 32 bytes.
 */
export function loadNativeCtr(key: Uint8Array): CtrCipher | undefined {
  const library = loadLibrary();
  const context = library?.create();
  if (library === undefined || context === undefined || context === null) return undefined;
  const written = new Int32Array(1);
  if (library.init(context, library.algorithm(), null, key, null) !== 1) return undefined;
  // The context holds the key: it goes when the cipher does.
  const guard = {};
  contexts.register(guard, { library, context });
  return (nonce, input, output) => {
    if (nonce.length !== 16 || output.length !== input.length || input.length > LARGEST_INPUT_BYTES) {
      throw new RangeError(`AES-CTR takes a nonce of 16 bytes and equal lengths, not ${nonce.length}, ${input.length}`);
    }
    // Nothing to do, and an empty array may have no address.
    if (input.length === 0) return;
    const done =
      guard !== undefined &&
      library.init(context, null, null, null, nonce) === 1 &&
      library.update(context, output, written, input, input.length) === 1;
    if (!done || written[0] !== input.length) throw new Error('OpenSSL refused to apply AES-256-CTR');
  };
}

interface Library {
  create(): Pointer | null;
  free(context: Pointer): void;
  algorithm(): Pointer;
  init(context: Pointer, type: Pointer | null, engine: null, key: Uint8Array | null, nonce: Uint8Array | null): number;
  update(context: Pointer, output: Uint8Array, written: Int32Array, input: Uint8Array, length: number): number;
}

const contexts = new FinalizationRegistry<{ library: Library; context: Pointer }>(({ library, context }) =>
  library.free(context),
);

function loadLibrary(): Library | undefined {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const own = koffi.load(null);
    return {
      create: own.func('void *EVP_CIPHER_CTX_new()'),
      free: own.func('void EVP_CIPHER_CTX_free(void *context)'),
      algorithm: own.func('void *EVP_aes_256_ctr()'),
      init: own.func(
        'int EVP_EncryptInit_ex(void *context, void *type, void *engine, const uint8_t *key, const uint8_t *nonce)',
      ),
      update: own.func(
        'int EVP_EncryptUpdate(void *context, uint8_t *output, int *written, const uint8_t *input, int length)',
      ),
    };
  } catch {
    return undefined;
  }
}
