/** The figures of the source: its size, the coupling of its files, import cycles and `any`. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type TS from 'typescript';

/** Loaded by require: an import would first search its 9 MB for export names, which takes longer than measuring. */
const ts = createRequire(import.meta.url)('typescript') as typeof TS;

/** What other files can see of a source file. */
interface Module {
  readonly lines: number;
  readonly exports: ReadonlySet<string>;
  /** The source files that it imports, types included, each with the imported names; `*` is every name. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  /** The lines with the type `any`. */
  readonly anys: readonly number[];
}

export interface Figures {
  readonly files: number;
  readonly lines: number;
  readonly importsPerThousandLines: number;
  /** The percentage of exports that exactly one other file imports. */
  readonly percentServingOneFile: number;
  readonly cycles: readonly string[];
  readonly anys: readonly string[];
}

/** The figures of all `.ts` files below a folder. */
export function measure(folder: string): Figures {
  const modules = new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .sort()
      .map((file) => [file, readModule(file, readFileSync(path.join(folder, file), 'utf8'))]),
  );
  const all = [...modules.values()];
  const lines = sum(all.map((module) => module.lines));
  const imports = sum(all.map((module) => module.imports.size));
  const users = usersOfExports(modules);
  const servingOne = users.filter((count) => count === 1).length;
  return {
    files: modules.size,
    lines,
    importsPerThousandLines: rounded((1000 * imports) / Math.max(lines, 1)),
    percentServingOneFile: rounded((100 * servingOne) / Math.max(users.length, 1)),
    cycles: cyclesOf(modules),
    anys: [...modules].flatMap(([file, module]) => module.anys.map((line) => `${file}:${line}`)),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const rounded = (number: number): number => Math.round(10 * number) / 10;

/** The number of other files that import each export. */
function usersOfExports(modules: ReadonlyMap<string, Module>): readonly number[] {
  return [...modules].flatMap(([file, { exports }]) => {
    const taken = [...modules.values()].flatMap(({ imports }) => imports.get(file) ?? []);
    return [...exports].map((name) => taken.filter((names) => names.has(name) || names.has('*')).length);
  });
}

/** One cycle for each import that leads back to a file on the path to it. */
function cyclesOf(modules: ReadonlyMap<string, Module>): readonly string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
    if (trail.includes(file) || done.has(file)) return;
    for (const target of modules.get(file)?.imports.keys() ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of modules.keys()) visit(file, []);
  return cycles;
}

/** Reads one file. Its name and those of its imports are relative to the measured folder. */
function readModule(file: string, text: string): Module {
  const tree = ts.createSourceFile(file, text, {
    languageVersion: ts.ScriptTarget.Latest,
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  });
  const exports = new Set<string>();
  const imports = new Map<string, Set<string>>();
  const anys: number[] = [];
  const take = (source: TS.Node | undefined, names: readonly string[]): void => {
    if (source === undefined || !ts.isStringLiteral(source) || !source.text.startsWith('.')) return;
    const target = path.join(path.dirname(file), source.text);
    imports.set(target, new Set([...(imports.get(target) ?? []), ...names]));
  };
  const visit = (node: TS.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword)
      anys.push(tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1);
    if (ts.isPropertyAccessExpression(node)) {
      const source = importedBy(awaited(node.expression));
      if (source !== undefined) {
        take(source, [node.name.text]);
        return;
      }
    }
    take(importedBy(node), ['*']);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      take(node.argument.literal, [node.qualifier ? firstName(node.qualifier) : '*']);
    ts.forEachChild(node, visit);
  };
  for (const statement of tree.statements) {
    if (ts.isImportDeclaration(statement)) take(statement.moduleSpecifier, importedNames(statement));
    if (ts.isExportDeclaration(statement)) take(statement.moduleSpecifier, reexportedNames(statement));
    for (const name of exportedNames(statement)) exports.add(name);
    visit(statement);
  }
  const lines = text.split('\n').length - (text.endsWith('\n') || text === '' ? 1 : 0);
  return { lines, exports, imports, anys };
}

/** The `'./file.ts'` of an `import('./file.ts')`. */
function importedBy(node: TS.Node): TS.Node | undefined {
  const isImport = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return isImport ? node.arguments[0] : undefined;
}

/** The promise in `(await promise)`. */
function awaited(node: TS.Expression): TS.Expression {
  if (ts.isParenthesizedExpression(node)) return awaited(node.expression);
  return ts.isAwaitExpression(node) ? node.expression : node;
}

const firstName = (name: TS.EntityName): string => (ts.isIdentifier(name) ? name.text : firstName(name.left));

function importedNames({ importClause }: TS.ImportDeclaration): readonly string[] {
  const named = importClause?.namedBindings;
  const names = !named ? [] : ts.isNamespaceImport(named) ? ['*'] : sourceNames(named.elements);
  return importClause?.name ? ['default', ...names] : names;
}

function reexportedNames({ exportClause }: TS.ExportDeclaration): readonly string[] {
  return exportClause && ts.isNamedExports(exportClause) ? sourceNames(exportClause.elements) : ['*'];
}

/** The names that the imported file gives them: `a` for `{ a as b }`. */
const sourceNames = (elements: TS.NodeArray<TS.ImportSpecifier | TS.ExportSpecifier>): readonly string[] =>
  elements.map(({ name, propertyName }) => (propertyName ?? name).text);

function exportedNames(statement: TS.Statement): readonly string[] {
  if (ts.isExportAssignment(statement)) return ['default'];
  if (ts.isExportDeclaration(statement)) {
    const { exportClause } = statement;
    if (exportClause === undefined) return [];
    return ts.isNamedExports(exportClause)
      ? exportClause.elements.map(({ name }) => name.text)
      : [exportClause.name.text];
  }
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  const has = (kind: TS.SyntaxKind): boolean => modifiers.some((modifier) => modifier.kind === kind);
  if (!has(ts.SyntaxKind.ExportKeyword)) return [];
  if (has(ts.SyntaxKind.DefaultKeyword)) return ['default'];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  const name = ts.isDeclarationStatement(statement) ? statement.name : undefined;
  return name ? [name.text] : [];
}

function boundNames(name: TS.BindingName): readonly string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) =>
    ts.isOmittedExpression(element) ? [] : boundNames(element.name),
  );
}
