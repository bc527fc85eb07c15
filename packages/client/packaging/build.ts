import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { bundleDeclarations } from './declarations.ts'

const packageDir = fileURLToPath(new URL('..', import.meta.url))
// A folder may be named to build into; the default is what npm packs.
const outDir = join(process.argv[2] ?? packageDir, 'dist')
// Beside the sources, from where tRPC's own types are found.
const declarations = join(packageDir, `.declarations-${process.pid}.d.ts`)
const trpcDir = dirname(createRequire(import.meta.url).resolve('@trpc/client/package.json'))

// tRPC's client is part of what is built: an install needs nothing else, and compiles whatever libraries a project names.
rmSync(outDir, { recursive: true, force: true })
await build({
  input: join(packageDir, 'src/index.ts'),
  platform: 'neutral',
  output: { file: join(outDir, 'index.js'), format: 'esm' },
})
try {
  writeFileSync(declarations, bundleDeclarations(packageDir))
  await build({
    input: { index: declarations },
    plugins: [dts({ dtsInput: true, resolver: 'tsc', tsconfig: false })],
    output: { dir: outDir },
  })
} finally {
  rmSync(declarations, { force: true })
}
copyFileSync(join(trpcDir, 'LICENSE'), join(outDir, 'trpc-LICENSE'))
