/** The caller is gone: not an error of anybody, and nothing to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft'
  constructor() {
    super('The client left before the answer')
  }
}
