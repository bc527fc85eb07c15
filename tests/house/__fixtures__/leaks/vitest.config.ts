import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const SUPPORT = join(import.meta.dirname, '../../../support')

export default defineConfig({
  cacheDir: join(import.meta.dirname, '../../../../node_modules/.vite'),
  test: { root: import.meta.dirname, include: ['*.case.ts'], setupFiles: [join(SUPPORT, 'fail-on-leaks.ts')] },
})
