// Runs before the first paint, so that a remembered theme never flashes.
const chosen = localStorage.getItem('turnpike.theme')
const prefersDark = matchMedia('(prefers-color-scheme: dark)').matches
document.documentElement.dataset.theme =
  chosen === 'light' || chosen === 'dark' ? chosen : prefersDark ? 'dark' : 'light'
