import { defineConfig } from 'vitest/config'

const LEAKS = 'tests/support/fail-on-leaks.ts'
/** What is polled for has come long before, unless it never comes. */
const EXPECT = { poll: { timeout: 20_000 } }

export default defineConfig({
  test: {
    globalSetup: ['packages/db/src/testing/global-setup.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/src/**/*.test.ts', '{lint,scripts}/**/*.test.ts'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          testTimeout: 90_000,
          hookTimeout: 90_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'wire',
          include: ['tests/**/*.test.ts'],
          exclude: ['tests/panel/**', 'tests/oracle/**', 'tests/clients/on-demand/**'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // They mostly wait: for leases, deadlines and processes that start.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'panel',
          include: ['tests/panel/*.test.ts'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          testTimeout: 240_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          // They take minutes: a rule judges whole ones, and 50,000 rows must come. `npm run soak` runs them.
          name: 'drills',
          include: ['tests/panel/on-demand/*.test.ts'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: 'clients',
          include: ['tests/clients/on-demand/*.test.ts'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          // Beside programs and descriptions that others made: `npm run test:oracle` runs them.
          name: 'oracle',
          include: ['tests/oracle/*.test.ts'],
          setupFiles: [LEAKS],
          expect: EXPECT,
          testTimeout: 240_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
})
