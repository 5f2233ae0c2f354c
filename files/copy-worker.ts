/** A thread that copies entries of a local tree to another one. */
import { parentPort, workerData } from 'node:worker_threads';
import { EntryCopies } from './copy-entries.ts';
import type { CopyReply, CopyRequest, CopyThreadSettings } from './copy-messages.ts';

if (parentPort === null) throw new Error('copy-worker is the module of a worker thread');
const port = parentPort;
const copies = new EntryCopies(workerData as CopyThreadSettings);
const reply = (message: CopyReply): void => port.postMessage(message);

port.on('message', (request: CopyRequest) => {
  switch (request.name) {
    case 'write':
      return reply({ name: 'written', failed: copies.write(request.jobs) });
    case 'rename':
      return reply({ name: 'renamed', failed: copies.rename(request.count) });
    case 'end':
      copies[Symbol.dispose]();
      return port.close();
  }
});
