import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root, sourceFiles } from './source-files.js';

const folders = ['native', 'bench', 'docs', 'examples', 'prebuilds'].filter((name) =>
  existsSync(path.join(root, name)),
);
const documents = [
  ...readdirSync(root)
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ path: name, text: readFileSync(path.join(root, name), 'utf8') })),
  ...folders.flatMap((folder) => sourceFiles(folder, '.md')),
];
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

test('the first screen of the README has the line that runs the main job and the line that passes the tests', () => {
  const firstScreen = readme.split('\n').slice(0, 25);
  expect(firstScreen).toContain('npm ci && npm run --silent connscale -- hold');
  expect(firstScreen).toContain('npm ci && npm test');
});

test('CI runs the test line of the README', () => {
  expect(readFileSync(path.join(root, '.ci/run'), 'utf8')).toContain('(npm ci && npm test)');
});

test('every npm script that a document names exists', () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { scripts: object };
  const named = documents.flatMap((file) =>
    [...file.text.matchAll(/npm run (?:--silent )?([\w:]+)/g)].map((match) => ({
      file: file.path,
      script: match[1] ?? '',
    })),
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((each) => !(each.script in scripts))).toEqual([]);
});

test('every relative link of a document leads to a file', () => {
  const broken = documents.flatMap((file) =>
    [...file.text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(path.join(root, path.dirname(file.path), target)))
      .map((target) => `${file.path}: ${target}`),
  );
  expect(broken).toEqual([]);
});
