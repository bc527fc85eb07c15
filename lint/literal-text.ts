import { type AST, parse } from 'svelte/compiler'

export interface LiteralText {
  line: number
  column: number
  text: string
}

type Expression = AST.ExpressionTag['expression']
type Node = AST.Fragment['nodes'][number]
type Attributes = AST.RegularElement['attributes']

/** Attributes and props that people read or hear. */
const SPOKEN =
  /^(alt|label|title|text|hint|heading|description|placeholder|empty|confirm\w*|aria-(label|description|placeholder|roledescription|valuetext))$/

/**
 * What a Svelte component says in a language of its own instead of in a message: text, and attributes that are read.
 * Not what an element marked `translate="no"` holds, such as names and code.
 */
export function findLiteralText(source: string): LiteralText[] {
  const found: { start: number; text: string }[] = []
  walk(parse(source, { modern: true }).fragment.nodes, found)
  return found
    .sort((one, other) => one.start - other.start)
    .map(({ start, text }) => ({ ...placeOf(source, start), text: text.trim() }))
}

type Found = { start: number; text: string }[]

function walk(nodes: Node[], found: Found): void {
  for (const node of nodes) {
    if (node.type === 'Text') note(node.start, node.data, found)
    if (node.type === 'ExpressionTag') walkExpression(node.expression, node.start, found)
    if ('attributes' in node) {
      if (isUntranslated(node.attributes)) continue
      walkAttributes(node.attributes, found)
    }
    for (const fragment of fragmentsOf(node)) walk(fragment.nodes, found)
  }
}

function fragmentsOf(node: Node): AST.Fragment[] {
  const parts = ['fragment', 'body', 'consequent', 'alternate', 'fallback', 'pending', 'then', 'catch'] as const
  return parts.flatMap((part) => (part in node ? (Reflect.get(node, part) ?? []) : []))
}

function isUntranslated(attributes: Attributes): boolean {
  return attributes.some((attribute) => {
    if (attribute.type !== 'Attribute' || attribute.name !== 'translate' || !Array.isArray(attribute.value))
      return false
    const [value] = attribute.value
    return value?.type === 'Text' && value.data === 'no'
  })
}

function walkAttributes(attributes: Attributes, found: Found): void {
  for (const attribute of attributes) {
    if (attribute.type !== 'Attribute' || !SPOKEN.test(attribute.name) || attribute.value === true) continue
    const parts = Array.isArray(attribute.value) ? attribute.value : [attribute.value]
    for (const part of parts) {
      if (part.type === 'Text') note(part.start, part.data, found)
      else walkExpression(part.expression, part.start, found)
    }
  }
}

/** Only what the expression may result in is shown; names handed to functions are not. */
function walkExpression(expression: Expression, start: number, found: Found): void {
  switch (expression.type) {
    case 'Literal':
      if (typeof expression.value === 'string') note(start, expression.value, found)
      return
    case 'TemplateLiteral':
      for (const { value } of expression.quasis) note(start, value.raw, found)
      return
    case 'ConditionalExpression':
      walkExpression(expression.consequent, start, found)
      walkExpression(expression.alternate, start, found)
      return
    case 'LogicalExpression':
      walkExpression(expression.right, start, found)
  }
}

function note(start: number, text: string, found: Found): void {
  if (/\p{L}/u.test(text)) found.push({ start: start + text.length - text.trimStart().length, text })
}

function placeOf(source: string, offset: number): { line: number; column: number } {
  const before = source.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
