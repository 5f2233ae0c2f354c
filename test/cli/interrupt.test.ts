import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const STUBBORN = `
  const { listenForInterrupts } = await import(${JSON.stringify(new URL('../../cli/interrupt.ts', import.meta.url).href)});
  const signal = listenForInterrupts(() => console.log('first'));
  signal.addEventListener('abort', () => console.log(signal.reason.code, signal.reason.context.signal));
  setInterval(() => {}, 1000);
  console.log('ready');
`;

test('the first Ctrl-C asks, the second ends the process at once with 130', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', STUBBORN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const heard = async (text: string): Promise<void> => {
    while (!said.includes(text)) await once(child.stdout, 'data');
  };
  await heard('ready');
  child.kill('SIGINT');
  await heard('Interrupted SIGINT');
  expect(child.exitCode).toBe(null);
  child.kill('SIGINT');
  const [status] = (await once(child, 'close')) as [number];
  expect(status).toBe(130);
});
