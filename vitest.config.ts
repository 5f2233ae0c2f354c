import { defineConfig } from 'vitest/config';

const underCi = !['', '0', 'false', undefined].includes(process.env['CI']);

// The architecture test runs on its own in `npm run check`, so that a broken import rule is known in seconds.
export default defineConfig({
  test: {
    // Tests start real servers and worker threads: more files at once than this only make each other wait.
    maxWorkers: 2,
    reporters: underCi ? ['default', ['json', { outputFile: 'node_modules/.vitest/test-results.json' }]] : ['default'],
    projects: [
      { test: { name: 'architecture', include: ['test/architecture.test.ts'] } },
      {
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture.test.ts'],
          globalSetup: ['test/locate-peers.ts'],
          setupFiles: ['test/prepare-threads.ts'],
          testTimeout: 60_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
