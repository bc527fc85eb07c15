import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{apps,packages}/*/src/**/*.test.ts', 'tests/trpc/**/*.test.ts'],
    globalSetup: ['packages/db/src/testing/global-setup.ts'],
  },
})
