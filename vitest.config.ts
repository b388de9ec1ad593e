import { defineConfig } from 'vitest/config'

/**
 * unit: rules and parts, alone or with what they start themselves. store: on one throw-away PostgreSQL.
 * system: parts of the infrastructure for real. One kind after the other: e2e switches controls off and kills processes.
 * e2e: a running shop, known only by its endpoints.json.
 */
const exclude = ['**/node_modules/**', '**/.shop/**']
/** A wait ends when its condition holds; vitest's one second is less than a busy machine may stand still. */
const expect = { poll: { timeout: 10_000 } }
export default defineConfig({
  test: {
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      { test: { expect, name: 'unit', include: ['{services,gateway,infra}/**/*.test.ts'], exclude: [...exclude, '**/*.store.test.ts', '**/*.system.test.ts'], testTimeout: 20_000, sequence: { groupOrder: 0 } } },
      { test: { expect, name: 'store', include: ['{services,gateway,infra}/**/*.store.test.ts'], exclude, globalSetup: ['infra/deploy/backing/test-postgres.ts'], testTimeout: 30_000, hookTimeout: 120_000, sequence: { groupOrder: 1 } } },
      { test: { expect, name: 'system', include: ['{services,gateway,infra}/**/*.system.test.ts'], exclude, testTimeout: 120_000, hookTimeout: 300_000, fileParallelism: false, sequence: { groupOrder: 2 } } },
      { test: { expect, name: 'e2e', include: ['e2e/**/*.test.ts'], exclude, testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false, sequence: { groupOrder: 3 } } },
    ],
  },
})
