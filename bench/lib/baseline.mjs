// Compiles the C programs of bench/baseline when a source is newer than the program.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCES = fileURLToPath(new URL('../baseline/', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('../../build-bench/', import.meta.url));
const COMPILER = process.env.CC ?? 'cc';
const FLAGS = ['-O2', '-Wall', '-Wextra', '-pthread'];

const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function compile(name, belongs) {
  const files = readdirSync(SOURCES).map((file) => path.join(SOURCES, file));
  const program = path.join(PROGRAMS, name);
  if (files.every((file) => modified(file) < modified(program))) return program;
  mkdirSync(PROGRAMS, { recursive: true });
  const sources = files.filter((file) => belongs.test(path.basename(file)));
  const { status, stderr, error } = spawnSync(COMPILER, [...FLAGS, '-o', program, ...sources]);
  if (status !== 0) throw new Error(`${COMPILER} could not build ${name}: ${error?.message ?? stderr}`);
  return program;
}

export const compileServer = () => compile('server', /^server\.c$/);
export const compileLoad = () => compile('load', /^load.*\.c$/);
export const compileConnect = () => compile('connect', /^connect.*\.c$/);
export const compileAcceptor = () => compile('acceptor', /^acceptor\.c$/);
