/** A file that imports `specifier` so that its code runs. */
export const value = (specifier: string) => `import { x } from '${specifier}'\nexport const y = x\n`
const type = (specifier: string) => `import type { x } from '${specifier}'\nexport type Y = typeof x\n`
const EXPORT = 'export const x = 1\n'

/** What others import; there is nothing wrong with these. */
export const DOORS = {
  'packages/core/src/words.ts': EXPORT,
  'packages/db/src/index.ts': EXPORT,
  'packages/db/src/schema/index.ts': EXPORT,
  'packages/db/src/client.ts': value('postgres'),
  'packages/sandbox/src/index.ts': EXPORT,
  'packages/client/src/index.ts': type('@turnpike/server/router'),
  'apps/server/src/router.ts': EXPORT,
  'apps/server/src/databases.ts': "import { createDb } from '@turnpike/db'\nexport const db = createDb\n",
  'apps/server/src/env.ts': 'export const port = process.env.PORT\n',
  'apps/server/src/shared/egress/egress.ts': value('undici'),
  'apps/server/src/shared/redis.ts': value('ioredis'),
  'apps/server/src/features/keys/store.ts': EXPORT,
  'apps/server/src/testing/world.ts': EXPORT,
  'apps/admin/src/lib/features/keys/key.ts': EXPORT,
  'apps/admin/src/lib/features/keys/row.ts': type('@turnpike/db/schema'),
  'apps/admin/src/lib/features/keys/call.ts': value('@turnpike/client'),
}

export interface Plant {
  rule: string
  path: string
  source: string
  says: string
}

/** Violations of .dependency-cruiser.cjs. */
export const IMPORTS: Plant[] = [
  {
    rule: 'no-cycles',
    path: 'packages/db/src/one.ts',
    source: "import { b } from './two.ts'\nexport const a = () => b\n",
    says: 'move what both need into a third file',
  },
  {
    rule: 'unresolvable',
    path: 'apps/server/src/lost.ts',
    source: value('./nowhere.ts'),
    says: 'mend the path',
  },
  {
    rule: 'core-without-node',
    path: 'packages/core/src/reads-files.ts',
    source: value('node:fs'),
    says: 'let the caller do the effect',
  },
  {
    rule: 'core-only-pure-libraries',
    path: 'packages/core/src/uses-express.ts',
    source: value('express'),
    says: 'a short list of pure libraries',
  },
  {
    rule: 'core-imports-nobody',
    path: 'packages/core/src/asks-db.ts',
    source: type('@turnpike/db'),
    says: 'Everybody imports the core, so it imports nobody',
  },
  {
    rule: 'db-imports-core-only',
    path: 'packages/db/src/asks-server.ts',
    source: type('@turnpike/server/router'),
    says: 'pass what it needs from the server as an argument',
  },
  {
    rule: 'sandbox-imports-nobody',
    path: 'packages/sandbox/src/asks-core.ts',
    source: value('@turnpike/core/words'),
    says: 'it must not know our code',
  },
  {
    rule: 'client-types-of-server-only',
    path: 'packages/client/src/brings-server.ts',
    source: value('@turnpike/server/router'),
    says: 'write `import type`',
  },
  {
    rule: 'server-imports-no-client',
    path: 'apps/server/src/asks-client.ts',
    source: value('@turnpike/client'),
    says: 'move what is shared into the core',
  },
  {
    rule: 'panel-through-client',
    path: 'apps/admin/src/lib/api/direct.ts',
    source: type('@turnpike/server/router'),
    says: 'through @turnpike/client and nothing else',
  },
  {
    rule: 'panel-types-of-db-only',
    path: 'apps/admin/src/lib/api/tables.ts',
    source: value('@turnpike/db/schema'),
    says: 'only `import type`',
  },
  {
    rule: 'features-do-not-meet',
    path: 'apps/server/src/features/users/peeks.ts',
    source: value('../keys/store.ts'),
    says: 'take what you need as an argument and let deps.ts pass it',
  },
  {
    rule: 'ui-knows-no-feature',
    path: 'apps/admin/src/lib/ui/button.svelte',
    source: '<script lang="ts">\nimport { x } from \'#lib/features/keys/key.ts\'\n</script>\n{x}\n',
    says: 'take data and snippets as props',
  },
  ...['undici', 'node:net', 'node:tls', 'node:dns', 'node:dns/promises', 'node:https'].map((specifier) => ({
    rule: 'egress-opens-connections',
    path: `apps/server/src/features/accounts/${specifier.replace(/\W/g, '-')}.ts`,
    source: value(specifier),
    says: 'use a pool it gave you',
  })),
  {
    rule: 'db-makes-postgres-clients',
    path: 'apps/server/src/features/usage/own-client.ts',
    source: value('postgres'),
    says: 'take `sql` or `db` as an argument',
  },
  {
    rule: 'redis-makes-clients',
    path: 'apps/server/src/features/keys/asks-redis.ts',
    source: value('ioredis'),
    says: 'take a RedisClient',
  },
  {
    rule: 'no-test-code-in-product',
    path: 'apps/server/src/uses-world.ts',
    source: value('./testing/world.ts'),
    says: 'What tests use stays with the tests',
  },
  {
    rule: 'packages-by-name',
    path: 'apps/server/src/by-path.ts',
    source: value('../../../packages/core/src/words.ts'),
    says: 'import it by its name',
  },
  {
    rule: 'index-at-the-door-only',
    path: 'apps/server/src/features/keys/uses-barrel.ts',
    source: value('./parts/index.ts'),
    says: 'import the file itself',
  },
]

/** Violations of .oxlintrc.json. */
export const NAMES: Plant[] = [
  ...['process.env', 'Buffer', 'console', 'setTimeout', 'setInterval', 'performance', 'fetch', 'globalThis'].map(
    (name) => ({
      rule: 'no-restricted-globals',
      path: `packages/core/src/uses-${name.replace(/\W/g, '-').toLowerCase()}.ts`,
      source: `export const a = ${name}\n`,
      says: 'The core is pure',
    }),
  ),
  {
    rule: 'no-restricted-properties',
    path: 'packages/core/src/reads-clock.ts',
    source: 'export const a = Date.now()\n',
    says: 'take `nowMs` as an argument',
  },
  {
    rule: 'no-restricted-properties',
    path: 'packages/core/src/rolls-dice.ts',
    source: 'export const a = Math.random()\n',
    says: 'take `random` as an argument',
  },
  ...['apps/server/src/features/keys/asks.ts', 'packages/db/src/asks.ts', 'packages/sandbox/src/asks.ts'].map(
    (path) => ({
      rule: 'no-restricted-properties',
      path,
      source: 'export const a = process.env.HOME\n',
      says: 'Only apps/server/src/env.ts reads the environment',
    }),
  ),
  {
    rule: 'no-restricted-globals',
    path: 'apps/server/src/features/keys/fetches.ts',
    source: "export const a = fetch('https://example.com')\n",
    says: 'Only shared/egress opens outbound connections',
  },
  {
    rule: 'no-restricted-imports',
    path: 'apps/server/src/features/keys/requests.ts',
    source: "import { request } from 'node:http'\nexport const a = request\n",
    says: 'Only shared/egress opens outbound connections',
  },
  ...['@turnpike/db', '@turnpike/db/client'].map((specifier) => ({
    rule: 'no-restricted-imports',
    path: `apps/server/src/features/keys/own-${specifier.replace(/\W/g, '-')}.ts`,
    source: `import { createDb } from '${specifier}'\nexport const a = createDb\n`,
    says: 'Only apps/server/src/databases.ts makes the database clients',
  })),
  {
    rule: 'no-floating-promises',
    path: 'apps/server/src/floats.ts',
    source: 'async function go() {}\nexport function start() {\n  go()\n}\n',
    says: 'Promises must be awaited',
  },
  {
    rule: 'no-misused-promises',
    path: 'apps/server/src/misuses.ts',
    source: 'async function go() {}\nexport const timer = () => setTimeout(go, 1)\n',
    says: 'Promise returned in function argument where a void return was expected',
  },
]

/** The other halves of violations that take two files. */
export const SUPPORTING = {
  'packages/db/src/two.ts': "import { a } from './one.ts'\nexport const b = () => a\n",
  'apps/server/src/features/keys/parts/index.ts': EXPORT,
}
