import ts from 'typescript';
import { expect, test } from 'vitest';
import { cppFunctions } from './cpp-functions.js';
import { type SourceFile, sourceFiles } from './source-files.js';

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 450;

const cpp = sourceFiles('native', '.cc', '.h');
const typescript = sourceFiles('lib', '.ts');

function longTsFunctions(file: SourceFile): string[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node) {
      const first = source.getLineAndCharacterOfPosition(node.getStart()).line;
      const last = source.getLineAndCharacterOfPosition(node.end).line;
      const lines = last - first + 1;
      if (lines > FUNCTION_LINES_MAX) found.push(`${file.path}:${first + 1} ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function longCppFunctions(file: SourceFile): string[] {
  const long = cppFunctions(file.text).filter((each) => each.lines > FUNCTION_LINES_MAX);
  return long.map((each) => `${file.path}:${each.line} ${each.name} ${each.lines} lines`);
}

test('the C++ function finder sees functions where they are', () => {
  const text = [
    'namespace a {', // 1
    'struct S { int x = 0; };',
    'constexpr int kTable[] = {1, 2};',
    '#define XX(a) \\',
    '  if (a) {',
    'S::S(int x) noexcept : x_{x}, y_(x) { /* { */ call("{", \'{\'); }', // 6
    'std::vector<int> make(int a,', // 7
    '                      int b) {',
    '  auto inner = [&] { return a; };',
    '  if (b) { return {}; }',
    '  return {inner()};',
    '}', // 12
    'class C final : public B {',
    "  bool ok() const noexcept { return x_ != 1'000; }", // 14
    '};',
    '}  // namespace a',
  ].join('\n');
  expect(cppFunctions(text)).toEqual([
    { name: 'S::S', line: 6, lines: 1 },
    { name: 'make', line: 7, lines: 6 },
    { name: 'ok', line: 14, lines: 1 },
  ]);
});

test(`no function of native/ or lib/ has more than ${FUNCTION_LINES_MAX} lines`, () => {
  expect([...cpp.flatMap(longCppFunctions), ...typescript.flatMap(longTsFunctions)]).toEqual([]);
});

test(`no file of native/, lib/ or test/ has more than ${FILE_LINES_MAX} lines`, () => {
  const files = [...cpp, ...typescript, ...sourceFiles('test', '.ts', '.mjs')];
  const long = files.map((file) => ({ path: file.path, lines: file.text.trimEnd().split('\n').length }));
  expect(long.filter((file) => file.lines > FILE_LINES_MAX)).toEqual([]);
});
