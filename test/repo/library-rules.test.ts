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

test.each(ENTRIES)('every public name of %s is documented', (entry) => {
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
});

function fail(): never {
  throw new Error('an entry could not be read as a module');
}

function documentation(checker: ts.TypeChecker, name: ts.Symbol): string {
  const target = (name.flags & ts.SymbolFlags.Alias) === 0 ? name : checker.getAliasedSymbol(name);
  return ts.displayPartsToString(target.getDocumentationComment(checker));
}

test('the changelog and the lock file know the version of package.json', () => {
  const read = (name: string): string => readFileSync(path.join(root, name), 'utf8');
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('CHANGELOG.md')).toContain(`## [${version}]`);
  expect((JSON.parse(read('package-lock.json')) as { version: string }).version).toBe(version);
});
