#!/usr/bin/env node
// Starts the command line: TypeScript in a checkout, the compiled files in an installed package (Node strips no types below node_modules).
import { existsSync } from 'node:fs';
// By its default: an older Node has no such export, and would fail here instead of saying what it lacks.
import module from 'node:module';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `holdfast needs Node 24 or later; this is ${process.version}.\n` +
      'In a checkout: npm ci, then npx holdfast. Elsewhere: npm install node@24 beside holdfast.\n',
  );
  process.exit(2);
}
module.enableCompileCache();
// Worker threads have a cache only by this; to each it is worth a tenth of a second.
const cache = module.getCompileCacheDir();
if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= cache;
const isCheckout = existsSync(new URL('./main.ts', import.meta.url));
const load = (name) => import(new URL(isCheckout ? `./${name}.ts` : `../dist/cli/${name}.js`, import.meta.url).href);
const { beginEarly } = await load('begin-early');
beginEarly(process.argv.slice(2));
const { main } = await load('main');
await main(process.argv.slice(2));
