/** A process of its own that starts or joins an embedded server, says so, and leaves it when its stdin ends. */
import { once } from 'node:events';
import { startEmbedded } from '../../engine/embedded-server.ts';

const [stateDirectory, cliPath] = process.argv.slice(2) as [string, string];
const server = await startEmbedded({
  stateDirectory,
  cacheDirectory: `${stateDirectory}/cache`,
  explicitPath: cliPath,
  environment: process.env,
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ address: server.engine.address, started: server.started })}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
await server.release();
