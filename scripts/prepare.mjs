// First step of every command that a fresh clone may start with: plain JavaScript, because nothing is installed yet.
const [major] = process.versions.node.split('.')
if (Number(major) < 20) {
  process.stderr.write(
    `Turnpike needs Node 20 or newer to install itself; this is ${process.version} (${process.execPath}).\n` +
      'Get a current one from https://nodejs.org, then run the same command again.\n',
  )
  process.exitCode = 1
} else {
  const { prepare } = await import('./prepare/prepare.mjs')
  await prepare(process.argv.slice(2))
}
