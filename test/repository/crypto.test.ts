import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntegrityError } from '../../common/errors.ts';
import {
  authenticate,
  generateMasterKey,
  open,
  prepareKey,
  prepareNativeKey,
  seal,
  sealInto,
  SEAL_OVERHEAD_BYTES,
} from '../../repository/crypto.ts';
import { loadNativeCtr } from '../../repository/native-cipher.ts';
import { loadNativeMac } from '../../repository/native-mac.ts';

/** Of appendix B of "The Poly1305-AES message-authentication code" (D. J. Bernstein, 2005). */
const VECTORS = [
  {
    message: 'f3f6',
    r: '851fc40c3467ac0be05cc20404f3f700',
    k: 'ec074c835580741701425b623235add6',
    nonce: 'fb447350c4e868c52ac3275cf9d4327e',
    mac: 'f4c633c3044fc145f84f335cb81953de',
  },
  {
    message: '',
    r: 'a0f3080000f46400d0c7e9076c834403',
    k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
    nonce: '61ee09218d29b0aaed7e154a2c5509cc',
    mac: 'dd3fab2251f11ac759f0887129cc2ee7',
  },
  {
    message: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    r: '48443d0bb0d21109c89a100b5ce2c208',
    k: '6acb5f61a7176dd320c5c1eb2edcdc74',
    nonce: 'ae212a55399729595dea458bc621ff0e',
    mac: '0ee1c16bb73f0f4fd19881753c01cdbe',
  },
  {
    message:
      'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
    r: '12976a08c4426d0ce8a82407c4f48207',
    k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
    nonce: '9ae831e743978d3a23527c7128149e3a',
    mac: '5154ad0d2cb26e01274fc51148491f1b',
  },
];

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

it("finds cipher and MAC in Node's own binary", () => {
  expect(loadNativeCtr(Buffer.alloc(32))).toBeDefined();
  expect(loadNativeMac(Buffer.alloc(16), Buffer.alloc(16))).toBeDefined();
});

describe.each([
  { by: 'libsodium', prepare: prepareKey },
  { by: "OpenSSL in Node's own binary", prepare: prepareNativeKey },
])('Poly1305-AES by $by', ({ prepare }) => {
  it.each(VECTORS)('gives the published authenticator of "$message"', ({ message, r, k, nonce, mac }) => {
    const key = prepare({ encrypt: Buffer.alloc(32), macK: hex(k), macR: hex(r) });
    const actual = Buffer.alloc(16);
    authenticate(key, hex(nonce), hex(message), actual);
    expect(actual.toString('hex')).toBe(mac);
  });

  it('clamps an r that was stored unclamped', () => {
    const { message, r, k, nonce, mac } = VECTORS[0]!;
    const unclamped = hex(r);
    for (const index of [3, 7, 11, 15]) unclamped[index]! |= 0xf0;
    for (const index of [4, 8, 12]) unclamped[index]! |= 0x03;
    const actual = Buffer.alloc(16);
    authenticate(
      prepare({ encrypt: Buffer.alloc(32), macK: hex(k), macR: unclamped }),
      hex(nonce),
      hex(message),
      actual,
    );
    expect(actual.toString('hex')).toBe(mac);
  });
});

describe('a generated master key', () => {
  it('holds r clamped, as restic stores it', () => {
    for (let round = 0; round < 20; round++) {
      const { macR } = generateMasterKey();
      for (const index of [3, 7, 11, 15]) expect(macR[index]! & 0xf0).toBe(0);
      for (const index of [4, 8, 12]) expect(macR[index]! & 0x03).toBe(0);
    }
  });
});

const master = generateMasterKey();

describe.each([
  { by: 'node:crypto', key: prepareKey(master) },
  { by: "OpenSSL in Node's own binary", key: prepareNativeKey(master) },
])('sealing by $by', ({ key }) => {
  it('is nonce, AES-256-CTR and MAC, in this order', () => {
    const plain = randomBytes(300_001);
    const sealed = seal(key, plain);
    expect(sealed).toHaveLength(plain.length + SEAL_OVERHEAD_BYTES);
    const cipher = createCipheriv('aes-256-ctr', master.encrypt, sealed.subarray(0, 16));
    expect(sealed.subarray(16, -16)).toEqual(cipher.update(plain));
    const mac = Buffer.alloc(16);
    authenticate(key, sealed.subarray(0, 16), sealed.subarray(16, -16), mac);
    expect(sealed.subarray(-16)).toEqual(mac);
  });

  it('seals what lies in the target already', () => {
    const plain = randomBytes(200_000);
    const target = Buffer.alloc(plain.length + SEAL_OVERHEAD_BYTES);
    target.set(plain, 16);
    expect(sealInto(key, target.subarray(16, -16), target)).toBe(target.length);
    expect(open(key, target, 'it')).toEqual(plain);
  });

  it('opens what it sealed, of any length, into memory of its own or given memory', () => {
    const memory = Buffer.alloc(1000);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (plain) => {
        const sealed = seal(key, plain);
        expect(open(key, sealed, 'it')).toEqual(Buffer.from(plain));
        const opened = open(key, sealed, 'it', memory);
        expect(opened).toEqual(Buffer.from(plain));
        expect(opened.buffer === memory.buffer).toBe(plain.length <= memory.length);
      }),
      { seed: 20261123 },
    );
  });

  it('refuses every single flipped bit', () => {
    const sealed = seal(key, Buffer.from('orders'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => open(key, changed, 'the blob')).toThrow(IntegrityError);
    }
  });

  it('refuses what is too short, and another key', () => {
    expect(() => open(key, Buffer.alloc(31), 'pack abc')).toThrow(/pack abc is too short/);
    expect(() => open(prepareKey(generateMasterKey()), seal(key, Buffer.from('x')), 'pack abc')).toThrow(/pack abc/);
  });

  it('never uses a nonce twice', () => {
    const nonces = new Set(Array.from({ length: 100 }, () => seal(key, Buffer.alloc(1)).toString('hex', 0, 16)));
    expect(nonces.size).toBe(100);
  });
});
