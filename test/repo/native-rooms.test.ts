import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { withoutCommentsAndStrings } from './cpp-functions.js';
import { linesMatching, root, sourceFiles } from './source-files.js';

const files = sourceFiles('native', '.cc', '.h');

// binding -> engine -> platform.h -> linux | win | sim -> base. A file may include its own room and what lies below.
const MAY_INCLUDE: Readonly<Record<string, readonly string[]>> = {
  base: ['base'],
  linux: ['linux', 'base'],
  win: ['win', 'base'],
  sim: ['sim', 'base'],
  'platform.h': ['linux', 'win', 'sim', 'base'],
  engine: ['engine', 'platform.h', 'base'],
  binding: ['binding', 'engine', 'platform.h', 'base'],
  test: ['test', 'engine', 'platform.h', 'linux', 'win', 'sim', 'base'],
};

function roomOf(nativePath: string): string {
  return nativePath.split('/')[0] ?? nativePath;
}

test('every include of a room points downwards', () => {
  const wrong = files.flatMap((file) => {
    const room = roomOf(file.path.slice('native/'.length));
    const allowed = MAY_INCLUDE[room];
    if (allowed === undefined) return [`${file.path} is in no known room`];
    const included = [...file.text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map((match) => match[1] ?? '');
    return included
      .filter((target) => !allowed.includes(roomOf(target)))
      .map((target) => `${file.path} includes ${target}`);
  });
  expect(wrong).toEqual([]);
});

test('quoted includes are paths from native/ to files that exist', () => {
  const missing = files.flatMap((file) => {
    const included = [...file.text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map((match) => match[1] ?? '');
    return included
      .filter((target) => !existsSync(path.join(root, 'native', target)))
      .map((target) => `${file.path}: ${target}`);
  });
  // platform.h names the rooms of platforms that are not built yet.
  expect(missing.filter((line) => !line.startsWith('native/platform.h: '))).toEqual([]);
});

test('only native/binding knows Node-API', () => {
  const outside = files.filter((file) => !file.path.startsWith('native/binding/'));
  expect(
    outside.flatMap((file) => linesMatching(file, /#\s*include\s*[<"](napi\.h|node_api\.h|uv\.h|js_native_api\.h)/)),
  ).toEqual([]);
});

test('only native/platform.h asks which operating system it is on', () => {
  const question =
    /^\s*#\s*(if|ifdef|ifndef|elif|elifdef)\b.*\b(__linux__|linux|_WIN32|_WIN64|WIN32|__APPLE__|__unix__|__FreeBSD__|CONNSCALE_SIM)\b/;
  const outside = files.filter((file) => file.path !== 'native/platform.h');
  expect(outside.flatMap((file) => linesMatching(file, question))).toEqual([]);
});

test('native/sources.json lists every source that ships, and nothing else', () => {
  const listed = Object.values(
    JSON.parse(readFileSync(path.join(root, 'native/sources.json'), 'utf8')) as Record<string, string[]>,
  ).flat();
  const shipped = files
    .map((file) => file.path)
    .filter((name) => name.endsWith('.cc') && !/^native\/(test|sim)\//.test(name));
  expect([...listed].sort()).toEqual(shipped);
});

test('descriptors are closed by their owner and by nobody else', () => {
  const qualified = /(?<![\w>])::(close|closesocket|CloseHandle)\s*\(/;
  // Without the colons it may be a method, except where the kernel's names are in scope.
  const bare = /(?:^|[;{}(=!,]|\breturn)\s*(close|closesocket|CloseHandle)\s*\([^){]/;
  const code = files
    .filter((file) => !file.path.includes('/owned_handle.') && !file.path.startsWith('native/test/'))
    .map((file) => ({ ...file, text: withoutCommentsAndStrings(file.text) }));
  const platform = code.filter((file) => /^native\/(linux|win)\//.test(file.path));
  const found = [
    ...code.flatMap((file) => linesMatching(file, qualified)),
    ...platform.flatMap((file) => linesMatching(file, bare)),
  ];
  expect(found).toEqual([]);
});

test('every header has an include guard that is its path', () => {
  const wrong = files
    .filter((file) => file.path.endsWith('.h'))
    .filter((file) => {
      const guard = `CONNSCALE_${file.path.slice('native/'.length).replace(/[/.]/g, '_').toUpperCase()}_`;
      return !file.text.includes(`#ifndef ${guard}\n#define ${guard}\n`);
    });
  expect(wrong.map((file) => file.path)).toEqual([]);
});

test('every source starts with its own header', () => {
  const wrong = files.filter((file) => {
    const header = file.path.replace(/\.cc$/, '.h').slice('native/'.length);
    if (!file.path.endsWith('.cc') || !existsSync(path.join(root, 'native', header))) return false;
    return /#\s*include\s+([<"][^>"]+[>"])/.exec(file.text)?.[1] !== `"${header}"`;
  });
  expect(wrong.map((file) => file.path)).toEqual([]);
});
