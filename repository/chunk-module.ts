/**
 * The compiled chunker, one for all threads of the process: V8 shares the code of modules with the same bytes while one
 * of them is alive, and this one is to the end. Code that came and went with each thread would meet a race in V8's
 * register of code pages, which ends the process ("Check failed: jit_page.has_value()", seen with Node 24 under load).
 */
import { chunkKernel } from './chunk-kernel.ts';

export const CHUNK_MODULE = new WebAssembly.Module(chunkKernel());
