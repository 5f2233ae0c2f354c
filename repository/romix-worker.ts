/** A thread that mixes lanes of one scrypt, in memory that it shares with the main thread, and ends. */
import { parentPort, workerData } from 'node:worker_threads';
import { mixLanes } from './romix.ts';
import type { MixTask } from './scrypt-lanes.ts';

const { lanes, ...parameters } = workerData as MixTask;
mixLanes(lanes, parameters);
parentPort?.postMessage('mixed');
