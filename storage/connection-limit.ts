/** How many connections to one service may be open at a time, over all parts of a client that open some. */

/** How many connections a client of a bucket has where nothing else is said. */
export const CONNECTIONS = 16;

/** For how long nothing may move on a connection before it is given up, where nothing else is said. */
export const IDLE_MILLISECONDS = 30_000;

/** What ends a connection on which nothing moved for so long. */
export function silentConnection(milliseconds: number): Error {
  const message = `nothing moved on the connection for ${milliseconds / 1000} seconds`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

/** A part that opens connections. */
export interface ConnectionOwner {
  /** Closes one that nothing uses. false: there is none. */
  closeIdle(): boolean;
}

interface Waiting {
  owner: ConnectionOwner;
  open: () => void;
}

/** Whoever took a place releases it when the connection is closed. Places are given in the order in which they were asked for. */
export class ConnectionLimit {
  readonly count: number;
  #free: number;
  readonly #owners: ConnectionOwner[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(count: number) {
    this.count = count;
    this.#free = count;
  }

  add(owner: ConnectionOwner): void {
    this.#owners.push(owner);
  }

  /** Calls `open` when there is a place: now, or when another connection is closed, for which an idle one is. */
  take(owner: ConnectionOwner, open: () => void): void {
    if (this.#free > 0) {
      this.#free -= 1;
      return open();
    }
    this.#waiting.push({ owner, open });
    this.#owners.some((other) => other !== owner && other.closeIdle());
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next.open();
  }

  /** Whether another than `owner` waits: then it keeps no connection that it does not use. */
  isWantedFrom(owner: ConnectionOwner): boolean {
    return this.#waiting.some((waiting) => waiting.owner !== owner);
  }
}
