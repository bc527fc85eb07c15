import ts from 'typescript'

/**
 * A type as text that needs no declaration beside it: every name is replaced by what it stands for. Made for what travels
 * as JSON; anything else (a class, a function) is refused, so that nothing of the server slips into the client's types.
 */
export function printType(checker: ts.TypeChecker, type: ts.Type): string {
  if (type.isUnion()) return printUnion(checker, type)
  if (type.flags & ATOMIC) return checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)
  if (checker.isTupleType(type))
    return `[${typeArguments(checker, type)
      .map((part) => printType(checker, part))
      .join(', ')}]`
  if (checker.isArrayType(type)) return printArray(checker, type)
  const name = type.getSymbol()?.getName()
  if (name === 'AsyncIterable' || name === 'AsyncGenerator') return printStream(checker, type)
  if (type.getCallSignatures().length > 0 || type.isClass()) throw new Error(`Not JSON: ${checker.typeToString(type)}`)
  return printObject(checker, type)
}

const ATOMIC =
  ts.TypeFlags.StringLike |
  ts.TypeFlags.NumberLike |
  ts.TypeFlags.BooleanLike |
  ts.TypeFlags.Null |
  ts.TypeFlags.Undefined |
  ts.TypeFlags.Void |
  ts.TypeFlags.Unknown |
  ts.TypeFlags.Any |
  ts.TypeFlags.Never

function printUnion(checker: ts.TypeChecker, type: ts.UnionType): string {
  const parts = type.types.map((part) => printType(checker, part))
  const isWholeBoolean = parts.includes('true') && parts.includes('false')
  const named = isWholeBoolean ? [...parts.filter((part) => part !== 'true' && part !== 'false'), 'boolean'] : parts
  return [...new Set(named)].join(' | ')
}

function printArray(checker: ts.TypeChecker, type: ts.Type): string {
  const [item] = typeArguments(checker, type)
  return `Array<${item ? printType(checker, item) : 'unknown'}>`
}

// Whoever subscribes sees what is yielded; nothing is ever returned or sent in.
function printStream(checker: ts.TypeChecker, type: ts.Type): string {
  const [item] = typeArguments(checker, type)
  return `AsyncIterable<${item ? printType(checker, item) : 'unknown'}, void, unknown>`
}

function printObject(checker: ts.TypeChecker, type: ts.Type): string {
  const members = checker.getIndexInfosOfType(type).map((info) => {
    return `[key: ${checker.typeToString(info.keyType)}]: ${printType(checker, info.type)}`
  })
  for (const property of type.getProperties()) {
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0
    const value = printType(checker, checker.getTypeOfSymbol(property))
    members.push(`${JSON.stringify(property.getName())}${isOptional ? '?' : ''}: ${value}`)
  }
  return `{ ${members.join('; ')} }`
}

function typeArguments(checker: ts.TypeChecker, type: ts.Type): readonly ts.Type[] {
  return checker.getTypeArguments(asReference(type))
}

// Arrays, tuples and the generic interfaces asked for here are references; the API gives them the wider type.
function asReference(type: ts.Type): ts.TypeReference {
  return type as ts.TypeReference
}
