/** The socket below ssh2: few writes, large reads, and memory that is used again for both. */
import { Socket } from 'node:net';

/** What is read at once, and what is written at once at most, but for a packet that is larger. */
const READ_BYTES = 256 * 1024;
const WRITE_BYTES = 256 * 1024;

/**
 * Gathers what is written in one turn of the event loop: without Nagle's delay each packet would be a segment of its own
 * that wakes the server; ssh2's own ciphers even write length, content and tag of each packet apart.
 */
export class GatheringSocket extends Socket {
  /** Whether those who hear `data` are done with it when they return, so that its memory may be read into again. */
  isReadAtOnce = false;
  #isGathering = false;
  #isCorked = false;
  /** What was reserved since the last write, the first `#used` bytes of it. */
  #batch: Buffer | undefined;
  #used = 0;
  readonly #spare: Buffer[] = [];

  constructor() {
    super({
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (bytes, memory) => {
          this.#take((memory as Buffer).subarray(0, bytes));
          return true;
        },
      },
    });
  }

  /** Memory to be filled at once, which is then sent when this turn of the event loop ends. */
  reserve(bytes: number): Buffer {
    if (this.#batch !== undefined && this.#used + bytes > this.#batch.length) this.#sendBatch();
    if (this.#batch === undefined) {
      this.#batch = bytes > WRITE_BYTES ? undefined : this.#spare.pop();
      this.#batch ??= Buffer.allocUnsafeSlow(Math.max(bytes, WRITE_BYTES));
      this.#used = 0;
      this.#gather();
    }
    this.#used += bytes;
    return this.#batch.subarray(this.#used - bytes, this.#used);
  }

  override write(...args: unknown[]): boolean {
    this.#sendBatch();
    if (!this.#isCorked) this.cork();
    this.#isCorked = true;
    this.#gather();
    return super.write(...(args as Parameters<Socket['write']>));
  }

  #take(data: Buffer): void {
    // Before somebody listens it waits, and what comes later waits behind it.
    if (this.isReadAtOnce && this.readableFlowing === true && this.readableLength === 0) this.emit('data', data);
    else this.push(Buffer.from(data));
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    setImmediate(() => {
      this.#isGathering = false;
      this.#sendBatch();
      if (this.#isCorked) this.uncork();
      this.#isCorked = false;
    });
  }

  #sendBatch(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch === undefined || !this.writable) return;
    super.write(batch.subarray(0, this.#used), () => {
      if (batch.length === WRITE_BYTES) this.#spare.push(batch);
    });
  }
}
