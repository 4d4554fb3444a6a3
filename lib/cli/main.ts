#!/usr/bin/env node
// The bin: runs the program and turns its end into an exit code.

import { CommanderError } from 'commander';

import { CommandError, ExitCode } from './command-error.js';

/** The command that was given, for the errors that it throws. */
function commandName(): string {
  const name = process.argv[2];
  return name === undefined ? '' : ` ${name}`;
}

/** Prints what a person can act on in one line; anything else is a bug of ours and keeps its stack. */
function fail(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? ExitCode.Done : ExitCode.Refused; // it has printed its line already
    return;
  }
  if (error instanceof CommandError) {
    process.exitCode = error.exitCode;
    console.error(`connscale${commandName()}: ${error.message}`);
    return;
  }
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_CONNSCALE_ADDON_MISSING') {
    process.exitCode = ExitCode.Refused;
    console.error(`connscale: ${(error as Error).message}`);
    return;
  }
  throw error;
}

try {
  // Imported here, because it loads the native half, and that may be missing.
  const { buildProgram } = await import('./program.js');
  await buildProgram().parseAsync();
} catch (error) {
  fail(error);
}
