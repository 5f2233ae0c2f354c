/** AES-GCM by the OpenSSL that Node itself is linked with: one context for all messages of a direction, where node:crypto makes an object for each. */
import { createRequire } from 'node:module';
import type Koffi from 'koffi';

export const TAG_BYTES = 16;

export interface NativeGcm {
  /** Begins a message: what goes with it in the clear is authenticated too. */
  begin(nonce: Uint8Array, additional: Uint8Array): void;
  /** The next part of the message, into the first bytes of `output`, which must not be less. */
  update(output: Uint8Array, input: Uint8Array): void;
  /** Ends a message that was encrypted, and writes its tag. */
  seal(tag: Uint8Array): void;
  /** Ends a message that was decrypted. Throws when the tag is not its own: then nothing of the output is to be used. */
  verify(tag: Uint8Array): void;
}

type Pointer = object;

/** EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG. */
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/**
 * undefined where Node does not export the library (it is no promise of Node's) or knows no such algorithm: node:crypto must
 * be at hand. Throws when OpenSSL refuses.
 *
 * @param name `aes-128-gcm` or `aes-256-gcm`.
 */
export function loadNativeGcm(name: string, key: Uint8Array, direction: 'encrypt' | 'decrypt'): NativeGcm | undefined {
  const library = loadLibrary();
  const algorithm = library?.algorithms.get(name);
  const context = library?.create();
  if (library === undefined || algorithm === undefined || context === undefined || context === null) return undefined;
  // The context holds the key: it goes when the cipher does.
  const guard = {};
  contexts.register(guard, { library, context });
  const encrypts = direction === 'encrypt' ? 1 : 0;
  if (library.init(context, algorithm(), null, key, null, encrypts) !== 1) return undefined;
  const written = new Int32Array(1);
  const demand = (isDone: boolean): void => {
    if (guard === undefined || !isDone) throw new Error('OpenSSL refused to apply AES-GCM');
  };
  const demandTag = (tag: Uint8Array): void => {
    if (tag.length !== TAG_BYTES) throw new RangeError(`AES-GCM has tags of ${TAG_BYTES} bytes, not ${tag.length}`);
  };
  return {
    begin(nonce, additional) {
      if (nonce.length !== 12) throw new RangeError(`AES-GCM takes a nonce of 12 bytes, not ${nonce.length}`);
      demand(library.init(context, null, null, null, nonce, encrypts) === 1);
      demand(library.update(context, null, written, additional, additional.length) === 1);
    },
    update(output, input) {
      if (output.length < input.length) throw new RangeError(`${input.length} bytes into memory of ${output.length}`);
      demand(library.update(context, output, written, input, input.length) === 1 && written[0] === input.length);
    },
    seal(tag) {
      demandTag(tag);
      // Of a stream cipher nothing is left to be written at the end.
      demand(library.finish(context, tag, written) === 1 && library.control(context, GET_TAG, TAG_BYTES, tag) === 1);
    },
    verify(tag) {
      demandTag(tag);
      demand(library.control(context, SET_TAG, TAG_BYTES, tag) === 1);
      if (library.finish(context, tag, written) !== 1) throw new Error('the packet was changed on its way');
    },
  };
}

interface Library {
  create(): Pointer | null;
  free(context: Pointer): void;
  algorithms: Map<string, () => Pointer>;
  init(
    context: Pointer,
    type: Pointer | null,
    engine: null,
    key: Uint8Array | null,
    nonce: Uint8Array | null,
    encrypts: number,
  ): number;
  update(context: Pointer, output: Uint8Array | null, written: Int32Array, input: Uint8Array, length: number): number;
  finish(context: Pointer, output: Uint8Array, written: Int32Array): number;
  control(context: Pointer, type: number, length: number, value: Uint8Array): number;
}

const contexts = new FinalizationRegistry<{ library: Library; context: Pointer }>(({ library, context }) =>
  library.free(context),
);

let loaded: Library | undefined;

/** OpenSSL's public functions: EVP_EncryptInit(3). */
function loadLibrary(): Library | undefined {
  try {
    if (loaded !== undefined) return loaded;
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    const own = koffi.load(null);
    loaded = {
      create: own.func('void *EVP_CIPHER_CTX_new()'),
      free: own.func('void EVP_CIPHER_CTX_free(void *context)'),
      algorithms: new Map([
        ['aes-128-gcm', own.func('void *EVP_aes_128_gcm()')],
        ['aes-256-gcm', own.func('void *EVP_aes_256_gcm()')],
      ]),
      init: own.func(
        'int EVP_CipherInit_ex(void *context, void *type, void *engine, const uint8_t *key, const uint8_t *nonce, int encrypts)',
      ),
      update: own.func(
        'int EVP_CipherUpdate(void *context, uint8_t *output, int *written, const uint8_t *input, int length)',
      ),
      finish: own.func('int EVP_CipherFinal_ex(void *context, uint8_t *output, int *written)'),
      control: own.func('int EVP_CIPHER_CTX_ctrl(void *context, int type, int length, uint8_t *value)'),
    };
    return loaded;
  } catch {
    return undefined;
  }
}
