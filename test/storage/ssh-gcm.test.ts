import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { GcmCipher, GcmDecipher } from '../../storage/ssh-gcm.ts';

/** ssh2's own ciphers: what both make of the same bytes must be the same. */
const { CIPHER_INFO, createCipher, createDecipher } = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
  CIPHER_INFO: Record<string, object>;
  createCipher(config: object): Pick<GcmCipher, 'outSeqno' | 'allocPacket' | 'encrypt'>;
  createDecipher(config: object): Pick<GcmDecipher, 'inSeqno' | 'decrypt'>;
};

const SIZES = [1, 5, 10, 11, 12, 15, 16, 17, 100, 4095, 4096, 4097, 4098, 32_768 + 9, 34_000];

describe.each([
  ['aes-128-gcm', 'aes128-gcm@openssh.com'],
  ['aes-256-gcm', 'aes256-gcm@openssh.com'],
])('packets in %s', (name, sshName) => {
  const key = randomBytes(name === 'aes-128-gcm' ? 16 : 32);
  // Its counter passes from one byte to the next within the test.
  const nonce = Buffer.from([...randomBytes(4), 0, 0, 0, 0, 0, 0xff, 0xff, 0xfa]);
  const payloads = SIZES.map((size) => randomBytes(size));

  const ours = (into: Buffer[]): GcmCipher =>
    GcmCipher.open({ name, key, nonce }, 7, (bytes) => {
      const room = Buffer.alloc(bytes);
      into.push(room);
      return room;
    })!;
  const theirs = (into: Buffer[]) =>
    createCipher({
      outbound: {
        onWrite: (data: Buffer) => into.push(Buffer.from(data)),
        cipherInfo: CIPHER_INFO[sshName],
        cipherKey: key,
        cipherIV: Buffer.from(nonce),
        seqno: 7,
      },
    });

  function encryptAll(make: (into: Buffer[]) => Pick<GcmCipher, 'outSeqno' | 'allocPacket' | 'encrypt'>): Buffer {
    const sent: Buffer[] = [];
    const cipher = make(sent);
    for (const payload of payloads) {
      const packet = cipher.allocPacket(payload.length);
      packet.set(payload, 5);
      cipher.encrypt(packet);
    }
    expect(cipher.outSeqno).toBe(7 + payloads.length);
    return Buffer.concat(sent);
  }

  /** What is heard of `data`, which comes in pieces of these lengths, over and over. */
  function decryptAll(data: Buffer, lengths: number[]): Buffer[] {
    const heard: Buffer[] = [];
    const decipher = GcmDecipher.open({ name, key, nonce }, 3, (payload) => {
      // Large ones are told from memory that is used again.
      heard.push(payload.length > 4096 ? Buffer.from(payload) : payload);
      return undefined;
    })!;
    for (let at = 0, turn = 0; at < data.length; turn++) {
      const piece = data.subarray(at, at + lengths[turn % lengths.length]!);
      expect(decipher.decrypt(piece, 0, piece.length)).toBeUndefined();
      at += piece.length;
    }
    expect(decipher.inSeqno).toBe(3 + heard.length);
    return heard;
  }

  it('are understood by ssh2', () => {
    const heard: Buffer[] = [];
    const decipher = createDecipher({
      inbound: {
        onPayload: (payload: Buffer) => void heard.push(Buffer.from(payload)),
        decipherInfo: CIPHER_INFO[sshName],
        decipherKey: key,
        decipherIV: Buffer.from(nonce),
        seqno: 0,
      },
    });
    const sent = encryptAll(ours);
    decipher.decrypt(sent, 0, sent.length);
    expect(heard).toEqual(payloads);
  });

  it.each([0, 1, 9, 290])('are the same when they are made of two parts, the first of %d bytes', (headBytes) => {
    const sent: Buffer[] = [];
    const cipher = ours(sent);
    for (const payload of payloads) {
      const memory = Buffer.from(payload);
      cipher.encryptParts(memory.subarray(0, headBytes), memory.subarray(headBytes));
      // It has left: the caller may use its memory again.
      memory.fill(0);
    }
    expect(cipher.outSeqno).toBe(7 + payloads.length);
    expect(decryptAll(Buffer.concat(sent), [1 << 20])).toEqual(payloads);
  });

  it.each([[[1 << 20]], [[1]], [[3, 16, 1, 40]], [[65_536]], [[4, 16]], [[20, 5]]])(
    'are understood when ssh2 made them, cut into pieces of %j bytes',
    (lengths) => {
      expect(decryptAll(encryptAll(theirs), lengths)).toEqual(payloads);
    },
  );

  it('that were changed anywhere are an error, and nothing of them is heard', () => {
    const sent = encryptAll(theirs);
    const length = 4 + sent.readUInt32BE(0) + 16;
    const first = sent.subarray(0, length);
    for (let at = 4; at < length; at++) {
      const changed = Buffer.from(first);
      changed[at]! ^= 1;
      const heard: Buffer[] = [];
      const decipher = GcmDecipher.open({ name, key, nonce }, 0, (payload) => void heard.push(payload))!;
      expect(() => decipher.decrypt(changed, 0, length)).toThrow('changed on its way');
      expect(heard).toEqual([]);
    }
  });

  it.each([0, 15, 17, 35_000, 0xff_ff_ff_f0])('of %d bytes are an error before their content comes', (bytes) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes);
    const decipher = GcmDecipher.open({ name, key, nonce }, 0, () => undefined)!;
    expect(() => decipher.decrypt(length, 0, 4)).toThrow(`packet of ${bytes} bytes`);
  });

  it.each([15, 16, 200])('of 16 bytes, %d of which are said to be padding, are an error', (padding) => {
    const sent: Buffer[] = [];
    const cipher = ours(sent);
    const packet = cipher.allocPacket(10);
    expect(packet.length).toBe(4 + 16);
    packet[4] = padding;
    cipher.encrypt(packet);
    expect(() => decryptAll(Buffer.concat(sent), [1 << 20])).toThrow('padding alone');
  });

  it('leave the rest to the next decipher where the keys change', () => {
    const sent = encryptAll(theirs);
    const length = 4 + sent.readUInt32BE(0) + 16;
    const decipher = GcmDecipher.open({ name, key, nonce }, 0, () => false)!;
    expect(decipher.decrypt(sent, 0, sent.length)).toBe(length);
  });

  it('do not share memory before they are encrypted', () => {
    const sent: Buffer[] = [];
    const cipher = ours(sent);
    const [first, second] = [cipher.allocPacket(10), cipher.allocPacket(10)];
    first.fill(1, 5, 15);
    second.fill(2, 5, 15);
    cipher.encrypt(first);
    cipher.encrypt(second);
    expect(decryptAll(Buffer.concat(sent), [1 << 20])).toEqual([Buffer.alloc(10, 1), Buffer.alloc(10, 2)]);
  });

  it('draw their padding by chance', () => {
    const cipher = ours([]);
    const paddings = Array.from({ length: 500 }, () => {
      const packet = cipher.allocPacket(11);
      cipher.encrypt(Buffer.from(packet));
      return packet.toString('hex', 16);
    });
    expect(new Set(paddings).size).toBeGreaterThan(490);
  });
});
