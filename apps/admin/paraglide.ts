import type { CompilerOptions } from '@inlang/paraglide-js'

/** How the messages become code; one set for the build, the dev server and the type check. */
export const paraglideOptions = {
  project: './project.inlang',
  outdir: './src/lib/paraglide',
  outputStructure: 'message-modules',
  strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
  localStorageKey: 'turnpike.locale',
  emitTsDeclarations: true,
  emitReadme: false,
  emitPrettierIgnore: false,
  emitGitIgnore: false,
} as const satisfies CompilerOptions
