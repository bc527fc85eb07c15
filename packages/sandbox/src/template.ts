/** Stands for the id that every answer gets anew; every id inside one answer is made from it. */
export const ID = '@@sandbox-id@@'
/** Stands for the time of the answer in seconds; a string here, a number on the wire. */
export const CREATED = '@@sandbox-created@@'

const MARKS = new RegExp(`(${ID}|"${CREATED}")`)

/** Rendered per request, so that a remembered answer costs a few string joins and no JSON. */
export type Template = (id: string, created: string) => string

export function template(text: string): Template {
  const parts = text.split(MARKS)
  return (id, created) => {
    let out = ''
    for (let index = 0; index < parts.length; index += 1) {
      const part = parts[index]
      if (index % 2 === 0) out += part
      else out += part === ID ? id : created
    }
    return out
  }
}
