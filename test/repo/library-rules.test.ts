import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { linesMatching, root, sourceFiles } from './source-files.js';

const library = sourceFiles('lib', '.ts');

test('only lib/binding.ts asks which platform it is on', () => {
  const others = library.filter((file) => file.path !== 'lib/binding.ts');
  expect(others.flatMap((file) => linesMatching(file, /\bprocess\.platform\b|\bos\.platform\(/))).toEqual([]);
});

test('exports have names', () => {
  const files = [...library, ...sourceFiles('test', '.ts')];
  expect(files.flatMap((file) => linesMatching(file, /^export default\b|\bas default\b/))).toEqual([]);
});

test('no type is any', () => {
  expect(library.flatMap((file) => linesMatching(file, /(:|<|\bas)\s*any\b(?![\w-])/))).toEqual([]);
});

test('test/contract and test/failure import the runner from test/helpers/runner', () => {
  const files = [...sourceFiles('test/contract', '.ts'), ...sourceFiles('test/failure', '.ts')];
  expect(files.flatMap((file) => linesMatching(file, /from '(vitest|node:test)'/))).toEqual([]);
});

const ENTRIES = ['lib/index.ts', 'lib/system/index.ts'];

test('every entry of package.json is looked at here', () => {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Readonly<Record<string, string>>>;
  };
  const built = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : Object.values(entry),
  );
  const sources = ENTRIES.map((entry) => entry.replace(/^lib/, './dist'));
  expect(built.sort()).toEqual(sources.flatMap((file) => [file.replace('.ts', '.d.ts'), file.replace('.ts', '.js')]).sort());
});

test.each(ENTRIES)('every public name of %s is documented, and every member of it', (entry) => {
  const index = path.join(root, entry);
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(root, 'tsconfig.build.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  );
  const program = ts.createProgram([index], config?.options ?? {});
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(index) ?? fail());
  const names = checker.getExportsOfModule(module ?? fail());
  const undocumented = names.filter((name) => documentation(checker, name) === '');
  expect(names.length).toBeGreaterThan(0);
  expect(undocumented.map((name) => name.name)).toEqual([]);
  const members = names.flatMap((name) => memberDeclarations(checker, name));
  expect(members.length).toBeGreaterThan(names.length);
  expect(members.filter((member) => ts.getJSDocCommentsAndTags(member).length === 0).map(place)).toEqual([]);
});

function fail(): never {
  throw new Error('an entry could not be read as a module');
}

function targetOf(checker: ts.TypeChecker, name: ts.Symbol): ts.Symbol {
  return (name.flags & ts.SymbolFlags.Alias) === 0 ? name : checker.getAliasedSymbol(name);
}

function documentation(checker: ts.TypeChecker, name: ts.Symbol): string {
  return ts.displayPartsToString(targetOf(checker, name).getDocumentationComment(checker));
}

/** What a public class or interface of ours declares for its users; what it overrides is documented where it comes from. */
function memberDeclarations(checker: ts.TypeChecker, name: ts.Symbol): (ts.ClassElement | ts.TypeElement)[] {
  const type = checker.getDeclaredTypeOfSymbol(targetOf(checker, name));
  const declared = (type.symbol as ts.Symbol | undefined)?.declarations ?? [];
  return declared
    .filter((each) => ts.isClassDeclaration(each) || ts.isInterfaceDeclaration(each))
    .filter((each) => library.some((file) => each.getSourceFile().fileName === path.join(root, file.path)))
    .flatMap((each): (ts.ClassElement | ts.TypeElement)[] => [...each.members])
    .filter((member) => (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Override) === 0)
    .filter((member) => !ts.isClassStaticBlockDeclaration(member))
    .filter((member) => member.name === undefined || !ts.isPrivateIdentifier(member.name));
}

function place(node: ts.Node): string {
  const file = node.getSourceFile();
  const { line } = file.getLineAndCharacterOfPosition(node.getStart());
  return `${path.relative(root, file.fileName)}:${line + 1} ${node.getText().split('\n')[0] ?? ''}`;
}

test('the changelog and the lock file know the version of package.json', () => {
  const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('CHANGELOG.md')).toContain(`## [${version}]`);
  expect((JSON.parse(read('package-lock.json')) as { version: string }).version).toBe(version);
});
