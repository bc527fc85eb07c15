import { compile } from '@inlang/paraglide-js'
import { paraglideOptions } from './paraglide.ts'

await compile({ ...paraglideOptions, strategy: [...paraglideOptions.strategy] })

// The compiler leaves timers of half a minute behind.
process.exit()
