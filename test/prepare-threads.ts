/** What a test process does before it starts worker threads, which load TypeScript each for itself. */
import { enableCompileCache, stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * Node strips types by a WebAssembly module, whose code would come and go with each thread: the race in V8's register of
 * code pages that `repository/chunk-module.ts` tells of ends a test process now and then. The commands never meet it, as
 * their main thread has loaded TypeScript before, or they run compiled.
 */
stripTypeScriptTypes('');

/** As `cli/holdfast.js` has it, in Node's own place for it: a thread starts with half of the work where its modules are there. */
process.env['NODE_COMPILE_CACHE'] ??= path.join(tmpdir(), 'node-compile-cache');
enableCompileCache(process.env['NODE_COMPILE_CACHE']);
