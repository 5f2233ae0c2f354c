/** All workflow types of a worker, by the names that schedules and histories carry. */
export { accessCheck } from './access-check.ts';
export { audit } from './audit.ts';
export { backup } from './backup.ts';
export { check } from './check.ts';
export { copy } from './copy.ts';
export { prune } from './prune.ts';
export { recordLater } from './record-later.ts';
export { restoreTest } from './restore-test.ts';
export { retention } from './retention.ts';
export { sync } from './sync.ts';
