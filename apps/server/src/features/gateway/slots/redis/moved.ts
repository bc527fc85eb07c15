/** Redis came or went while somebody waited: he asks again, where it is decided now. */
export class Moved extends Error {
  override readonly name = 'Moved'
}
