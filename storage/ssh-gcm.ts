/** The packets of SSH in AES-GCM (RFC 5647), with the faces that ssh2 knows its own ciphers by (its protocol/crypto.js). */
import { randomFillSync } from 'node:crypto';
import { loadNativeGcm, TAG_BYTES, type NativeGcm } from './native-gcm.ts';

/** Of one direction, from one exchange of keys to the next. */
export interface GcmKey {
  /** As OpenSSL names the algorithm. */
  name: string;
  key: Uint8Array;
  /** Of the first packet. */
  nonce: Uint8Array;
}

/** Takes a packet's content. Returns false, or the place to go on at, when what follows is for another decipher. */
export type OnPayload = (payload: Buffer) => number | false | undefined;

const LENGTH_BYTES = 4;
const BLOCK_BYTES = 16;
const SHORTEST_PADDING_BYTES = 4;
/** With length and tag, of what comes in: ssh2's own limit, which no server that it talks with exceeds. */
const LARGEST_PACKET_BYTES = 35_000;
/** Of a packet in parts: the headers of SSH and SFTP before the bytes of a file. */
const LONGEST_HEAD_BYTES = 512;
/** Payloads up to this length may be kept, as ssh2 keeps handles: larger ones are bytes of files, which are copied on. */
const KEPT_BYTES = 4096;

/** Decrypts into memory that is used again for each packet. */
export class GcmDecipher {
  inSeqno: number;
  _onPayload: OnPayload;
  readonly #gcm: NativeGcm;
  readonly #nonce: Uint8Array;
  readonly #length = Buffer.alloc(LENGTH_BYTES);
  readonly #plain = Buffer.allocUnsafeSlow(LARGEST_PACKET_BYTES);
  readonly #tag = Buffer.alloc(TAG_BYTES);
  /** Of the packet that is coming in: its bytes between length and tag, and how much of each part came. */
  #size = 0;
  #lengthBytes = 0;
  #plainBytes = 0;
  #tagBytes = 0;

  private constructor(gcm: NativeGcm, nonce: Uint8Array, inSeqno: number, onPayload: OnPayload) {
    this.#gcm = gcm;
    this.#nonce = Uint8Array.from(nonce);
    this.inSeqno = inSeqno;
    this._onPayload = onPayload;
  }

  /** undefined where OpenSSL cannot be called. */
  static open({ name, key, nonce }: GcmKey, inSeqno: number, onPayload: OnPayload): GcmDecipher | undefined {
    const gcm = loadNativeGcm(name, key, 'decrypt');
    return gcm === undefined ? undefined : new GcmDecipher(gcm, nonce, inSeqno, onPayload);
  }

  free(): void {
    // The context goes with this object.
  }

  /**
   * Takes data from `from` to `end`, cut anywhere. Returns the place from which another decipher has to go on, if one has.
   * Throws for a packet that was changed.
   */
  decrypt(data: Buffer, from: number, end: number): number | undefined {
    for (let at = from; at < end;) {
      if (this.#lengthBytes < LENGTH_BYTES) {
        const copied = data.copy(this.#length, this.#lengthBytes, at, end);
        this.#lengthBytes += copied;
        at += copied;
        if (this.#lengthBytes === LENGTH_BYTES) this.#begin();
      } else if (this.#plainBytes < this.#size) {
        const bytes = Math.min(this.#size - this.#plainBytes, end - at);
        this.#gcm.update(this.#plain.subarray(this.#plainBytes), data.subarray(at, at + bytes));
        this.#plainBytes += bytes;
        at += bytes;
      } else {
        const copied = data.copy(this.#tag, this.#tagBytes, at, end);
        this.#tagBytes += copied;
        at += copied;
        const next = this.#tagBytes === TAG_BYTES ? this.#deliver() : undefined;
        if (next !== undefined) return next === false ? at : next;
      }
    }
    return undefined;
  }

  #begin(): void {
    const size = this.#length.readUInt32BE(0);
    if (LENGTH_BYTES + size + TAG_BYTES > LARGEST_PACKET_BYTES || size < BLOCK_BYTES || size % BLOCK_BYTES !== 0) {
      throw new Error(`the server sends a packet of ${size} bytes`);
    }
    this.#size = size;
    this.#gcm.begin(this.#nonce, this.#length);
  }

  /** Nothing of a packet is looked at before its tag was found right. */
  #deliver(): number | false | undefined {
    this.#gcm.verify(this.#tag);
    // Of a packet without a payload the rest of the memory would be told.
    if (this.#plain[0]! >= this.#size - 1) throw new Error('the server sends a packet of padding alone');
    const payload = this.#plain.subarray(1, this.#size - this.#plain[0]!);
    this.#size = 0;
    this.#lengthBytes = 0;
    this.#plainBytes = 0;
    this.#tagBytes = 0;
    this.inSeqno = nextNumber(this.inSeqno);
    countNonce(this.#nonce);
    return this._onPayload(payload.length > KEPT_BYTES ? payload : Buffer.from(payload));
  }
}

/** Encrypts from memory that is used again for each packet to where it is sent from. */
export class GcmCipher {
  outSeqno: number;
  readonly #gcm: NativeGcm;
  readonly #nonce: Uint8Array;
  readonly #reserve: (bytes: number) => Buffer;
  readonly #plain = Buffer.allocUnsafeSlow(LARGEST_PACKET_BYTES);
  readonly #padding = new Padding();
  /** What comes before the body of a packet in parts. */
  readonly #start = Buffer.alloc(1 + LONGEST_HEAD_BYTES);
  /** Whether a packet in that memory waits to be encrypted. */
  #isPlainTaken = false;
  #isFree = false;

  private constructor(gcm: NativeGcm, nonce: Uint8Array, outSeqno: number, reserve: (bytes: number) => Buffer) {
    this.#gcm = gcm;
    this.#nonce = Uint8Array.from(nonce);
    this.outSeqno = outSeqno;
    this.#reserve = reserve;
  }

  /** undefined where OpenSSL cannot be called. `reserve` gives memory whose content is sent. */
  static open(
    { name, key, nonce }: GcmKey,
    outSeqno: number,
    reserve: (bytes: number) => Buffer,
  ): GcmCipher | undefined {
    const gcm = loadNativeGcm(name, key, 'encrypt');
    return gcm === undefined ? undefined : new GcmCipher(gcm, nonce, outSeqno, reserve);
  }

  free(): void {
    this.#isFree = true;
  }

  /** A packet whose payload, from its sixth byte on, is to be filled in. */
  allocPacket(payloadBytes: number): Buffer {
    const unpadded = 1 + payloadBytes;
    const paddingBytes = paddingOf(unpadded);
    const bytes = LENGTH_BYTES + unpadded + paddingBytes;
    // A server may take larger packets than it may send.
    const isRoom = !this.#isPlainTaken && bytes <= this.#plain.length;
    const packet = isRoom ? this.#plain.subarray(0, bytes) : Buffer.alloc(bytes);
    this.#isPlainTaken ||= isRoom;
    packet.writeUInt32BE(bytes - LENGTH_BYTES, 0);
    packet[LENGTH_BYTES] = paddingBytes;
    this.#padding.draw(paddingBytes).copy(packet, LENGTH_BYTES + unpadded);
    return packet;
  }

  encrypt(packet: Buffer): void {
    if (this.#isFree) return;
    const sent = this.#begin(packet.length - LENGTH_BYTES);
    this.#gcm.update(sent.subarray(LENGTH_BYTES), packet.subarray(LENGTH_BYTES));
    this.#end(sent);
    if (packet.buffer === this.#plain.buffer) this.#isPlainTaken = false;
  }

  /** Encrypts a packet whose payload is first `head`, then `body`, from where they are. */
  encryptParts(head: Uint8Array, body: Uint8Array): void {
    if (this.#isFree) return;
    const unpadded = 1 + head.length + body.length;
    const paddingBytes = paddingOf(unpadded);
    const sent = this.#begin(unpadded + paddingBytes);
    const start = this.#start.subarray(0, 1 + head.length);
    start[0] = paddingBytes;
    start.set(head, 1);
    let at = LENGTH_BYTES;
    for (const part of [start, body, this.#padding.draw(paddingBytes)]) {
      this.#gcm.update(sent.subarray(at), part);
      at += part.length;
    }
    this.#end(sent);
  }

  /** Returns the memory of a packet that is to be sent, with its length in place. */
  #begin(bytes: number): Buffer {
    const sent = this.#reserve(LENGTH_BYTES + bytes + TAG_BYTES);
    sent.writeUInt32BE(bytes, 0);
    this.#gcm.begin(this.#nonce, sent.subarray(0, LENGTH_BYTES));
    return sent;
  }

  #end(sent: Buffer): void {
    this.#gcm.seal(sent.subarray(sent.length - TAG_BYTES));
    countNonce(this.#nonce);
    this.outSeqno = nextNumber(this.outSeqno);
  }
}

/** How many bytes follow those of a packet's payload and of their own number. */
function paddingOf(unpadded: number): number {
  const bytes = BLOCK_BYTES - (unpadded % BLOCK_BYTES);
  return bytes < SHORTEST_PADDING_BYTES ? bytes + BLOCK_BYTES : bytes;
}

/** Random bytes (RFC 4253, section 6), drawn for many packets at once. */
class Padding {
  readonly #drawn = Buffer.alloc(4096);
  #used = this.#drawn.length;

  /** To be used at once. */
  draw(bytes: number): Buffer {
    if (this.#used + bytes > this.#drawn.length) {
      randomFillSync(this.#drawn);
      this.#used = 0;
    }
    this.#used += bytes;
    return this.#drawn.subarray(this.#used - bytes, this.#used);
  }
}

function nextNumber(number: number): number {
  return (number + 1) >>> 0;
}

/** Its last 8 bytes are a counter (RFC 5647, section 7.1). */
function countNonce(nonce: Uint8Array): void {
  for (let at = 11; at >= 4; at--) {
    nonce[at] = (nonce[at]! + 1) & 0xff;
    if (nonce[at] !== 0) return;
  }
}
