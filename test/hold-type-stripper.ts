/**
 * Worker threads that load TypeScript have Node strip its types by a WebAssembly module, whose code would come and go with
 * each of them: the race in V8's register of code pages that `repository/chunk-module.ts` tells of ends a test process now
 * and then. The commands never meet it, as their main thread has loaded TypeScript before, or they run compiled.
 */
import { stripTypeScriptTypes } from 'node:module';

stripTypeScriptTypes('');
