/** What a call stack was doing: one of the kernels, work of the runtime, or a file of holdfast's own code. */
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import type { Frame } from './cpu-profile.ts';

/** What has to be done with the bytes whatever the design is: their sum is the least that the work can cost. */
export const KERNELS = ['file system', 'chunk', 'sha256', 'zstd', 'cipher', 'poly1305'] as const;
export const RUNTIME_GROUPS = ['garbage collection', 'messages', 'loading code', 'runtime', 'other'] as const;
export const IDLE = 'idle';

const CHECKOUT = pathToFileURL(path.join(import.meta.dirname, '..')).href;

/** Of V8's own entries, which are no functions. */
const ENTRIES: Record<string, string> = {
  '(idle)': IDLE,
  '(garbage collector)': 'garbage collection',
  '(program)': 'runtime',
};

/** Above the first frame that is no longer Node's, such a frame says that code is loaded, whatever else that takes. */
const LOADING = /^compileForInternalLoader |node:internal\/(modules|bootstrap)\//;

/** Tried on each frame, the running function first; the first frame that one of them knows decides. */
const RULES: [group: string, frame: RegExp][] = [
  ['poly1305', /crypto_onetimeauth|repository\/poly1305/],
  ['sha256', /node:internal\/crypto\/hash/],
  ['cipher', /node:internal\/crypto\/(cipher|keys|random)|repository\/(crypto|native-cipher)\.[tj]s/],
  ['zstd', /node:zlib|repository\/(native-zstd|compression)\.[tj]s/],
  ['chunk', /repository\/(chunk|rabin)[\w-]*\.[tj]s/],
  ['messages', /^postMessage |node:internal\/(worker|per_context\/messageport)/],
  // What calls libc by koffi has no frame of its own: it is in files/, with the little that is done around it.
  ['file system', /node:(internal\/)?fs|\/files\/[\w-]+\.[tj]s/],
];

/** Whether it is what `describeFunction` says of one of V8's entries, which are no functions. */
export function isEntry(description: string): boolean {
  return ENTRIES[description] !== undefined || description === '(root)';
}

/** A kernel, a group of the runtime, `idle`, or a file of the checkout such as `repository/pack.ts`. */
export function groupOf(stack: Frame[]): string {
  const entry = ENTRIES[stack[0]?.functionName ?? ''];
  if (entry !== undefined) return entry;
  const texts = stack.map(({ functionName, url }) => `${functionName} ${url}`);
  // Below it, it only says that a module's own statements are running.
  const first = stack.findIndex(({ url }) => url.startsWith('file:'));
  if (texts.slice(0, first < 0 ? texts.length : first).some((text) => LOADING.test(text))) return 'loading code';
  for (const [index, text] of texts.entries()) {
    const rule = RULES.find(([, pattern]) => pattern.test(text));
    if (rule !== undefined) return rule[0];
    const file = fileOf(stack[index]!);
    if (file !== undefined) return file;
  }
  return 'other';
}

/** A function with its place: relative to the checkout, without a version or a folder of this machine. */
export function describeFunction(stack: Frame[]): string {
  const [leaf] = stack;
  if (leaf === undefined) return '(nothing)';
  const name = leaf.functionName || '(anonymous)';
  if (leaf.url !== '' && !leaf.url.startsWith('wasm:')) return `${name} ${shortUrl(leaf.url)}`;
  // Native code has no place; who called it says more.
  const caller = stack.find(({ url }) => url.startsWith(CHECKOUT) && !url.includes('/node_modules/'));
  return caller === undefined
    ? name
    : `${name} (native, by ${caller.functionName || '(anonymous)'} ${shortUrl(caller.url)})`;
}

function fileOf({ url }: Frame): string | undefined {
  return url.startsWith(CHECKOUT) && !url.includes('/node_modules/') ? shortUrl(url) : undefined;
}

function shortUrl(url: string): string {
  const [, withinPackages] = url.split('/node_modules/');
  if (withinPackages !== undefined) return withinPackages;
  return url.startsWith(CHECKOUT) ? url.slice(CHECKOUT.length + 1) : url;
}
