import { dirname, join } from 'node:path'
import ts from 'typescript'
import { printType } from './print-type.ts'

const PROCEDURE_TYPES = {
  query: 'TRPCQueryProcedure',
  mutation: 'TRPCMutationProcedure',
  subscription: 'TRPCSubscriptionProcedure',
} as const

/** The package's one `.d.ts`: what `src/*.ts` declares, with the router spelled out instead of imported from the server. */
export function bundleDeclarations(packageDir: string): string {
  const sources = ['index', 'api', 'connection', 'client'].map((name) => join(packageDir, 'src', `${name}.ts`))
  const program = ts.createProgram(sources, compilerOptions(packageDir))
  const [door, api, ...others] = sources.map((path) => sourceFile(program, path))
  if (!door || !api) throw new Error('The package has no src/index.ts or no src/api.ts')
  const open = new Set(exportsOf(program, door).map((symbol) => symbol.getName()))
  return [
    `import type { ${Object.values(PROCEDURE_TYPES).join(', ')}, TRPCBuiltRouter, TRPCDecorateCreateRouterOptions } from '@trpc/server'`,
    declareRouter(program, api),
    ...[api, ...others].map((file) => onlyOpen(emitted(program, file), open)),
  ].join('\n\n')
}

function compilerOptions(packageDir: string): ts.CompilerOptions {
  const path = join(packageDir, 'tsconfig.json')
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, ts.sys.readFile).config,
    ts.sys,
    dirname(path),
  )
  return { ...options, noEmit: false, declaration: true, emitDeclarationOnly: true }
}

function sourceFile(program: ts.Program, path: string): ts.SourceFile {
  const file = program.getSourceFile(path)
  if (!file) throw new Error(`${path} is not there`)
  return file
}

function emitted(program: ts.Program, file: ts.SourceFile): string {
  let text = ''
  program.emit(
    file,
    (_path, written) => {
      text = written
    },
    undefined,
    true,
  )
  return text
}

// What is relative is in this one file, or (the router) spelled out in it; what the door does not export is nobody's.
function onlyOpen(text: string, open: Set<string>): string {
  const file = ts.createSourceFile('emitted.d.ts', text, ts.ScriptTarget.Latest)
  const kept = file.statements.filter((statement) => isPackageImport(statement) || open.has(nameOf(statement)))
  return kept
    .map((statement) => text.slice(statement.getFullStart(), statement.getEnd()))
    .join('')
    .trim()
}

function isPackageImport(statement: ts.Statement): boolean {
  if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return false
  return statement.moduleSpecifier.text.startsWith('@trpc/')
}

function nameOf(statement: ts.Statement): string {
  const isNamed =
    ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) || ts.isFunctionDeclaration(statement)
  return isNamed ? (statement.name?.text ?? '') : ''
}

function declareRouter(program: ts.Program, api: ts.SourceFile): string {
  const checker = program.getTypeChecker()
  const alias = exportsOf(program, api).find((symbol) => symbol.getName() === 'AppRouter')
  if (!alias) throw new Error('src/api.ts exports no AppRouter')
  const target = alias.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(alias) : alias
  const definition = member(checker, checker.getDeclaredTypeOfSymbol(target), '_def')
  const record = printRecord(checker, member(checker, definition, 'record'))
  const errorShape = member(checker, member(checker, member(checker, definition, '_config'), '$types'), 'errorShape')
  return `export type AppRouter = TRPCBuiltRouter<
  { ctx: object; meta: object; errorShape: ${printType(checker, errorShape)}; transformer: false },
  TRPCDecorateCreateRouterOptions<${record}>
>`
}

function printRecord(checker: ts.TypeChecker, type: ts.Type): string {
  const entries = type.getProperties().map((property) => {
    const value = checker.getTypeOfSymbol(property)
    return `${property.getName()}: ${value.getProperty('_def') ? printProcedure(checker, value) : printRecord(checker, value)}`
  })
  return `{ ${entries.join('; ')} }`
}

function printProcedure(checker: ts.TypeChecker, procedure: ts.Type): string {
  const definition = member(checker, procedure, '_def')
  const kind = checker.typeToString(member(checker, definition, 'type')).replaceAll('"', '')
  const types = new Map(
    member(checker, definition, '$types')
      .getProperties()
      .map((part) => [part.getName(), printType(checker, checker.getTypeOfSymbol(part))]),
  )
  const input = types.get('input') ?? 'void'
  const output = types.get('output') ?? 'void'
  if (!isKind(kind)) throw new Error(`Not a procedure: ${kind}`)
  return `${PROCEDURE_TYPES[kind]}<{ input: ${input}; output: ${output}; meta: object }>`
}

function isKind(kind: string): kind is keyof typeof PROCEDURE_TYPES {
  return Object.hasOwn(PROCEDURE_TYPES, kind)
}

function member(checker: ts.TypeChecker, type: ts.Type, name: string): ts.Type {
  const symbol = type.getProperty(name)
  if (!symbol) throw new Error(`No ${name} in ${checker.typeToString(type)}`)
  return checker.getTypeOfSymbol(symbol)
}

function exportsOf(program: ts.Program, file: ts.SourceFile): ts.Symbol[] {
  const checker = program.getTypeChecker()
  const symbol = checker.getSymbolAtLocation(file)
  if (!symbol) throw new Error(`${file.fileName} is no module`)
  return checker.getExportsOfModule(symbol)
}
