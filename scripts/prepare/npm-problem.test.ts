import { expect, test } from 'vitest'
import { npmProblem } from './npm-problem.mjs'

test.each([
  ['npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device', /^The disk of \/clone is full\.\n.*2 GB/],
  [
    "npm error code EACCES\nnpm error Error: EACCES: permission denied, mkdir '/clone/x'",
    /^Cannot write to \/clone\.\n/,
  ],
  ['npm error code EROFS\nnpm error EROFS: read-only file system', /^Cannot write to \/clone\.\n/],
  [
    'npm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error errno ENOTFOUND\n' +
      'npm error FetchError: request to https://registry.npmjs.org/zod failed, reason: getaddrinfo ENOTFOUND registry.npmjs.org',
    /^npm cannot reach its registry \(getaddrinfo ENOTFOUND registry\.npmjs\.org\)\.\nCheck the connection/,
  ],
  ['npm error code ETIMEDOUT\nnpm error network timeout', /^npm cannot reach its registry \(network timeout\)/],
  ['npm error code SELF_SIGNED_CERT_IN_CHAIN\nnpm error self-signed certificate', /npm config set cafile/],
  [
    'npm error code EUSAGE\nnpm error `npm ci` can only install when in sync',
    /^package\.json and package-lock\.json do not agree/,
  ],
  [
    'npm error code EINTEGRITY\nnpm error sha512 does not match',
    /^npm ci failed:\n\n(.|\n)*sha512 does not match(.|\n)*Run `npm ci` yourself/,
  ],
])('%s has a cure', (output, message) => {
  expect(npmProblem('/clone', output).message).toMatch(message)
})
