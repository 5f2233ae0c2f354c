/** Build step: bundles the compiled workflows for the packed package, because Temporal's bundler takes no source from node_modules. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const workflowsPath = fileURLToPath(new URL('../dist/workflows/index.js', import.meta.url));
const target = new URL('../dist/workflow-bundle.js', import.meta.url);

const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
await mkdir(new URL('./', target), { recursive: true });
await writeFile(target, code);
