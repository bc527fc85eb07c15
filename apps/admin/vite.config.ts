import { paraglideVitePlugin } from '@inlang/paraglide-js'
import adapter from '@sveltejs/adapter-static'
import { sveltekit } from '@sveltejs/kit/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'
import { paraglideOptions } from './paraglide.ts'

const server = process.env.TURNPIKE_DEV_SERVER ?? 'http://127.0.0.1:8787'

// Two dependencies carry a style in an attribute of their markup; a hash lets in that text and no other.
const KIT_ANNOUNCER_STYLE = 'sha256-S8qMpvofolR8Mpjy4kQvEm7m1q8clzU4dfDH0AmvZjo='
const BITS_COMMAND_STYLE = 'sha256-iaOezIDcQIoxCULa6FBKKuLUu09R7kG+Mlu+JVfU3Rw='

/** How many pages and parts loaded later must want a small module before it travels with the others. */
const SHARED_BY_PAGES = 8

// A build has its messages compiled before it: the compiler leaves timers behind, for which a build would wait.
export default defineConfig(({ command }) => ({
  plugins: [
    tailwindcss(),
    command === 'serve' && paraglideVitePlugin({ ...paraglideOptions, strategy: [...paraglideOptions.strategy] }),
    sveltekit({
      compilerOptions: {
        runes: ({ filename }) => (filename.split(/[/\\]/).includes('node_modules') ? undefined : true),
      },
      adapter: adapter({ fallback: 'index.html' }),
      csp: {
        mode: 'hash',
        directives: {
          'default-src': ['none'],
          'script-src': ['self'],
          'style-src': ['self', 'unsafe-hashes', KIT_ANNOUNCER_STYLE, BITS_COMMAND_STYLE],
          'img-src': ['self', 'data:'],
          'font-src': ['self'],
          'connect-src': ['self'],
          'manifest-src': ['self'],
          'base-uri': ['none'],
          'form-action': ['self'],
        },
      },
    }),
  ],
  build: {
    // A message or an icon is some hundred bytes: those that many pages share travel together, not one request each.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [{ name: 'shared', test: /paraglide[\\/]messages[\\/]|@lucide/, minShareCount: SHARED_BY_PAGES }],
        },
      },
    },
  },
  server: { proxy: { '/trpc': { target: server, ws: true }, '/v1': { target: server } } },
}))
