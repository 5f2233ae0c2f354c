/** Toxiproxy for the tests: a proxy before a real server that does what networks do: delay, cut, swallow. */
import { freePort, spawnServer } from './spawn-server.ts';

/** One of toxiproxy's toxics: https://github.com/Shopify/toxiproxy#toxics. Without a stream it is the answers' (`downstream`). */
export type Toxic =
  | { type: 'latency'; attributes: { latency: number }; stream?: Stream }
  /** KiB a second. */
  | { type: 'bandwidth'; attributes: { rate: number }; stream?: Stream }
  /** Closes each connection after so many bytes. */
  | { type: 'limit_data'; attributes: { bytes: number }; stream?: Stream }
  /** With 0: nothing passes any more, and nothing is closed. */
  | { type: 'timeout'; attributes: { timeout: number }; stream?: Stream };
type Stream = 'upstream' | 'downstream';

export interface Toxiproxy {
  /** Clients connect here, on 127.0.0.1. */
  port: number;
  /** These toxics and no others are at work from now on; connections that are open stay. */
  set(...toxics: Toxic[]): Promise<void>;
  stop(): Promise<void>;
}

/** In front of a port of 127.0.0.1. */
export async function startToxiproxy(command: string, upstreamPort: number): Promise<Toxiproxy> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const server = await spawnServer(command, ['-host', '127.0.0.1', '-port', String(apiPort)], apiPort);
  const proxies = `http://127.0.0.1:${apiPort}/proxies`;
  const call = async (method: string, url: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(url, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  };
  await call('POST', proxies, {
    name: 'server',
    listen: `127.0.0.1:${port}`,
    upstream: `127.0.0.1:${upstreamPort}`,
    enabled: true,
  });
  const toxicsUrl = `${proxies}/server/toxics`;
  return {
    port,
    async set(...toxics) {
      const present = (await call('GET', toxicsUrl)) as { name: string }[];
      for (const { name } of present) await call('DELETE', `${toxicsUrl}/${name}`);
      for (const [number, toxic] of toxics.entries())
        await call('POST', toxicsUrl, { name: `toxic-${number}`, ...toxic });
    },
    stop: () => server.stop(),
  };
}
