// Who may import whom. Every comment says the fix; tests/house/walls.test.ts plants a violation of each rule.
const TEST_CODE = '(\\.test\\.ts$|/__fixtures__/|/testing/)'
const PURE_LIBRARIES = '^node_modules/(zod|@pydantic/genai-prices|gpt-tokenizer)/'
const NETWORK = '^(node:)?(net|tls|dns|dns/promises|https|http2|dgram)$'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that import each other cannot be understood alone: move what both need into a third file.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'unresolvable',
      comment: 'Nothing is there: mend the path, or name the package in the package.json of this workspace.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^([$#]|virtual:)' },
    },
    {
      name: 'core-without-node',
      comment: 'The core is pure: let the caller do the effect and pass its result in, or declare a port.',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: TEST_CODE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-only-pure-libraries',
      comment: 'The core knows zod and a short list of pure libraries (PURE_LIBRARIES in .dependency-cruiser.cjs).',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: TEST_CODE },
      to: { path: '(^|/)node_modules/', pathNot: PURE_LIBRARIES },
    },
    {
      name: 'core-imports-nobody',
      comment: 'Everybody imports the core, so it imports nobody: move the decision here and leave the effect there.',
      severity: 'error',
      from: { path: '^packages/core/' },
      to: { path: '^(apps|packages/(?!core/))' },
    },
    {
      name: 'db-imports-core-only',
      comment:
        'The database package knows the core and nobody else: pass what it needs from the server as an argument.',
      severity: 'error',
      from: { path: '^packages/db/' },
      to: { path: '^(apps|packages/(?!(core|db)/))' },
    },
    {
      name: 'sandbox-imports-nobody',
      comment: 'The sandbox stands for a foreign upstream: it must not know our code.',
      severity: 'error',
      from: { path: '^packages/sandbox/' },
      to: { path: '^(apps|packages/(?!sandbox/))' },
    },
    {
      name: 'client-types-of-server-only',
      comment: 'The client ends up in browsers: write `import type`, so that no server code comes along.',
      severity: 'error',
      from: { path: '^packages/client/', pathNot: TEST_CODE },
      to: { path: '^(apps|packages/(?!client/))', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'server-imports-no-client',
      comment:
        'The client and the panel are made from the server, not the other way round: move what is shared into the core.',
      severity: 'error',
      from: { path: '^apps/server/', pathNot: TEST_CODE },
      to: { path: '^(apps/admin|packages/client)/' },
    },
    {
      name: 'panel-through-client',
      comment:
        'The panel talks to the server through @turnpike/client and nothing else; its types come from there too.',
      severity: 'error',
      from: { path: '^apps/admin/' },
      to: { path: '^apps/server/|(^|/)node_modules/@trpc/|^packages/sandbox/' },
    },
    {
      name: 'panel-types-of-db-only',
      comment: 'The panel runs in a browser: from @turnpike/db only `import type`.',
      severity: 'error',
      from: { path: '^apps/admin/' },
      to: { path: '^packages/db/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'features-do-not-meet',
      comment:
        'Features meet in deps.ts, router.ts and app.ts: take what you need as an argument and let deps.ts pass it.',
      severity: 'error',
      from: { path: '^apps/server/src/features/([^/]+)/', pathNot: TEST_CODE },
      to: { path: '^apps/server/src/features/', pathNot: '^apps/server/src/features/$1/' },
    },
    {
      name: 'ui-knows-no-feature',
      comment: 'Primitives in lib/ui serve every feature: take data and snippets as props.',
      severity: 'error',
      from: { path: '^apps/admin/src/lib/ui/' },
      to: { path: '^apps/admin/src/lib/features/' },
    },
    {
      name: 'egress-opens-connections',
      comment:
        'Only shared/egress opens outbound connections, so that no address escapes its checks: use a pool it gave you.',
      severity: 'error',
      from: { path: '^apps/server/src/', pathNot: [TEST_CODE, '^apps/server/src/shared/egress/'] },
      to: { path: `${NETWORK}|(^|/)node_modules/undici/`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'db-makes-postgres-clients',
      comment: 'Only @turnpike/db speaks to PostgreSQL: take `sql` or `db` as an argument.',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: ['^packages/db/', TEST_CODE] },
      to: { path: '(^|/)node_modules/(postgres|pg)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'redis-makes-clients',
      comment: 'Only shared/redis.ts connects to Redis, so that every command has its deadline: take a RedisClient.',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: ['^apps/server/src/shared/redis\\.ts$', TEST_CODE] },
      to: { path: '(^|/)node_modules/ioredis/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-code-in-product',
      comment: 'What tests use stays with the tests: move what both need to a file of its own.',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: TEST_CODE },
      to: { path: [TEST_CODE, '^tests/'] },
    },
    {
      name: 'packages-by-name',
      comment: 'Enter another package through its door: import it by its name (@turnpike/…), not by a path.',
      severity: 'error',
      from: { path: '^((?:apps|packages)/[^/]+)/' },
      to: { path: '^(apps|packages)/', pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'index-at-the-door-only',
      comment: "An index.ts hides where things are: import the file itself. Only a package's door may be one.",
      severity: 'error',
      from: {},
      to: {
        path: '^(apps|packages|scripts|tests)/.*/index\\.ts$',
        pathNot: '^packages/[^/]+/src/(schema/)?index\\.ts$',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    exclude: { path: '(^|/)(build|dist|\\.svelte-kit|\\.data|paraglide)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'svelte', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.svelte'],
    },
  },
}
