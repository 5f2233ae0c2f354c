/** The bytes of files past the copies that ssh2 makes of them: what is read goes straight to where it was asked for, what is written leaves from memory that is used again. */
import type { SFTPWrapper } from 'ssh2';
import { GcmCipher } from './ssh-gcm.ts';

/** What ssh2 keeps of a session without a public name (its protocol/SFTP.js). */
interface SftpInternals {
  /** Takes what comes from the server, cut anywhere; null at its end. */
  push(data: Buffer | null): void;
  write(handle: Buffer, bytes: Buffer, offset: number, length: number, position: number, done: WriteDone): void;
  _requests: Record<number, { cb: ReadDone | WriteDone; buffer?: Buffer } | undefined>;
  /** Of the packet that is coming in. */
  _pktLenBytes: number;
  _maxWriteLen: number;
  /** The number of the last request. */
  _writeReqid: number;
  _protocol: ProtocolInternals;
  outgoing: { id: number; state: string; window: number; packetSize: number };
  /** What the window has no room for, and what is called when it has. */
  _buffer: Buffer[];
  _waitWindow: boolean;
  _chunkcb: ((this: SftpInternals) => void) | undefined;
}

interface ProtocolInternals {
  channelData(channel: number, data: Buffer): void;
  _cipher?: object;
  /** Set while keys are exchanged: what is sent meanwhile waits. */
  _kexinit?: object;
  /** Where the payload begins in packets: elsewhere where they are compressed. */
  _packetRW?: { write: { allocStart: number } };
}

type ReadDone = (error: undefined, buffer: Buffer, bytes: number) => void;
type WriteDone = (error?: Error & { code?: number }) => void;

/** draft-ietf-secsh-filexfer-02, sections 6.4 and 7. */
const WRITE = 6;
const DATA = 103;
const LENGTH_BYTES = 4;
/** Type, number of the request, length of the bytes. */
const DATA_HEADER_BYTES = 9;

/** Smaller ones are not worth memory of their own. */
const LARGE_WRITE_BYTES = 64 * 1024;
/** The protocol allows no longer one. */
const LONGEST_HANDLE_BYTES = 256;
/** Length, type, number of the request, handle, position, length of the bytes. */
const WRITE_HEADER_BYTES = LENGTH_BYTES + 1 + 4 + 4 + LONGEST_HANDLE_BYTES + 8 + 4;
/** RFC 4254, section 5.2. */
const CHANNEL_DATA = 94;
/** Type, channel, length of the data. */
const CHANNEL_HEADER_BYTES = 9;
const channelStart = Buffer.alloc(CHANNEL_HEADER_BYTES + WRITE_HEADER_BYTES);
/** After the lengths of packet and padding. */
const PLAIN_START = 5;

/** 8 MiB with OpenSSH's pieces, of all sessions together. */
const SPARE_WRITES = 32;

/** Call it when the session is open. Returns whether ssh2 is inside as it has to be; where it is not, nothing changes. */
export function moveDirectly(sftp: SFTPWrapper): boolean {
  const internals = sftp as unknown as SftpInternals;
  if (!isAsKnown(internals)) return false;
  readDirectly(internals);
  writeDirectly(internals);
  return true;
}

function isAsKnown(sftp: Partial<SftpInternals>): boolean {
  return (
    typeof sftp.push === 'function' &&
    typeof sftp.write === 'function' &&
    typeof sftp._requests === 'object' &&
    sftp._pktLenBytes === 0 &&
    typeof sftp._writeReqid === 'number' &&
    typeof sftp._maxWriteLen === 'number' &&
    typeof sftp._protocol?.channelData === 'function' &&
    typeof sftp.outgoing?.window === 'number' &&
    Array.isArray(sftp._buffer)
  );
}

/** An answer's bytes go to their place as they come; ssh2 would gather each answer first. Whatever else comes is ssh2's. */
function readDirectly(sftp: SftpInternals): void {
  const { push } = sftp;
  const header = Buffer.alloc(LENGTH_BYTES + DATA_HEADER_BYTES);
  let headerBytes = 0;
  /** The answer that is coming in: where its bytes go, how many there are and how many came. */
  let answer: { id: number; target: Buffer; size: number; filled: number } | undefined;
  /** Of another packet that is coming in. */
  let otherBytes = 0;

  const take = (data: Buffer, at: number): number => {
    if (answer !== undefined) {
      const copied = data.copy(answer.target, answer.filled, at, at + answer.size - answer.filled);
      answer.filled += copied;
      if (answer.filled === answer.size) finish(answer);
      return copied;
    }
    if (otherBytes > 0) {
      const bytes = Math.min(otherBytes, data.length - at);
      otherBytes -= bytes;
      push.call(sftp, data.subarray(at, at + bytes));
      return bytes;
    }
    const copied = data.copy(header, headerBytes, at, at + headerSize() - headerBytes);
    headerBytes += copied;
    if (headerBytes >= LENGTH_BYTES && headerBytes === headerSize()) begin();
    return copied;
  };

  /** As far as it is known: a packet may be shorter than the header of an answer. */
  const headerSize = (): number =>
    headerBytes < LENGTH_BYTES ? LENGTH_BYTES : Math.min(header.length, LENGTH_BYTES + header.readUInt32BE(0));

  const begin = (): void => {
    const packetBytes = header.readUInt32BE(0);
    const id = header.readUInt32BE(5);
    const size = header.readUInt32BE(9);
    const isAnswer = header[4] === DATA && headerBytes === header.length && size === packetBytes - DATA_HEADER_BYTES;
    const target = isAnswer ? sftp._requests[id]?.buffer : undefined;
    if (target !== undefined && size > 0 && size <= target.length) {
      answer = { id, target, size, filled: 0 };
    } else {
      otherBytes = LENGTH_BYTES + packetBytes - headerBytes;
      // ssh2 may keep parts of what it is given.
      push.call(sftp, Buffer.from(header.subarray(0, headerBytes)));
    }
    headerBytes = 0;
  };

  const finish = ({ id, target, size }: NonNullable<typeof answer>): void => {
    answer = undefined;
    const request = sftp._requests[id];
    delete sftp._requests[id];
    (request?.cb as ReadDone | undefined)?.(undefined, target, size);
  };

  sftp.push = (data) => {
    if (data === null) push.call(sftp, data);
    else for (let at = 0; at < data.length;) at += take(data, at);
  };
}

/** ssh2 would take fresh memory for each write: a GiB of garbage for each GiB. */
const spareWrites: Buffer[] = [];

function writeDirectly(sftp: SftpInternals): void {
  const { write } = sftp;
  const header = Buffer.alloc(WRITE_HEADER_BYTES);
  header[LENGTH_BYTES] = WRITE;
  sftp.write = (handle, bytes, offset, length, position, done) => {
    if (length < LARGE_WRITE_BYTES || length > sftp._maxWriteLen || handle.length > LONGEST_HANDLE_BYTES) {
      write.call(sftp, handle, bytes, offset, length, position, done);
      return;
    }
    // As ssh2 counts: its answers are looked up by this number.
    const id = (sftp._writeReqid + 1) & 0xff_ff_ff_ff;
    sftp._writeReqid = id;
    let at = header.writeUInt32BE(id >>> 0, LENGTH_BYTES + 1);
    at = header.writeUInt32BE(handle.length, at);
    at += handle.copy(header, at);
    at = header.writeBigUInt64BE(BigInt(position), at);
    at = header.writeUInt32BE(length, at);
    header.writeUInt32BE(at - LENGTH_BYTES + length, 0);
    const message = { header: header.subarray(0, at), content: bytes.subarray(offset, offset + length) };
    const sent = sftp._buffer.length > 0 ? 0 : send(sftp, message);
    const isAll = sent === at + length || sftp.outgoing.state !== 'open';
    // The caller may use its memory again.
    const memory = isAll ? undefined : copyOf(message, WRITE_HEADER_BYTES + sftp._maxWriteLen);
    if (memory !== undefined) sftp._buffer.push(memory.subarray(sent, at + length));
    const finish: WriteDone = (error) => {
      // Only the server's answer says that all of it has left.
      const isAnswered = error == null || typeof error.code === 'number';
      if (memory !== undefined && isAnswered && spareWrites.length < SPARE_WRITES) spareWrites.push(memory);
      done(error);
    };
    sftp._requests[id] = { cb: finish };
  };
}

/** In memory of that length, which is used again. */
function copyOf({ header, content }: Message, bytes: number): Buffer {
  const spare = spareWrites.pop();
  const memory = spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
  content.copy(memory, header.copy(memory));
  return memory;
}

/** What is sent one after the other: of a message of SFTP, or of what is left of it. */
interface Message {
  header: Buffer;
  content: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Returns how many bytes the server had room for (RFC 4254, section 5.2). On a channel that closes all requests fail anyway. */
function send(sftp: SftpInternals, { header, content }: Message): number {
  const { outgoing } = sftp;
  if (outgoing.state !== 'open') return 0;
  const size = header.length + content.length;
  let sent = 0;
  while (sent < size && outgoing.window > 0) {
    const end = sent + Math.min(size - sent, outgoing.window, outgoing.packetSize);
    outgoing.window -= end - sent;
    const head = header.subarray(sent, end);
    sendPacket(sftp, head, content.subarray(sent + head.length - header.length, end - header.length));
    sent = end;
  }
  if (outgoing.window === 0) {
    sftp._waitWindow = true;
    sftp._chunkcb = sendWaiting;
  }
  return sent;
}

/** Content leaves from where it is, but while keys are exchanged, and where the cipher is ssh2's. */
function sendPacket({ _protocol: protocol, outgoing }: SftpInternals, head: Buffer, content: Buffer): void {
  const { _cipher: cipher } = protocol;
  const isOpen = protocol._kexinit === undefined && protocol._packetRW?.write.allocStart === PLAIN_START;
  if (!isOpen || !(cipher instanceof GcmCipher)) {
    protocol.channelData(outgoing.id, head.length === 0 ? content : Buffer.concat([head, content]));
    return;
  }
  const start = CHANNEL_HEADER_BYTES + head.length;
  channelStart[0] = CHANNEL_DATA;
  channelStart.writeUInt32BE(outgoing.id, 1);
  channelStart.writeUInt32BE(head.length + content.length, 5);
  head.copy(channelStart, CHANNEL_HEADER_BYTES);
  cipher.encryptParts(channelStart.subarray(0, start), content);
}

/** ssh2 calls it when the server has room again. */
function sendWaiting(this: SftpInternals): void {
  this._chunkcb = undefined;
  const waiting = this._buffer;
  this._buffer = [];
  for (const [number, content] of waiting.entries()) {
    const sent = send(this, { header: NOTHING, content });
    if (sent < content.length) {
      this._buffer = [content.subarray(sent), ...waiting.slice(number + 1)];
      return;
    }
  }
}
