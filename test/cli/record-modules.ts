/** Preloaded with `--import`: writes the URLs of all modules that a process loaded to the file in LOADED_MODULES, at its end. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const loaded: string[] = [];
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});
process.on('exit', () => writeFileSync(process.env['LOADED_MODULES']!, loaded.join('\n')));
