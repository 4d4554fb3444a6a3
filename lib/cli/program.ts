// The commands, and how their errors look.

import { createRequire } from 'node:module';

import { Command } from 'commander';

import { addChurnCommand } from './churn-command.js';
import { addHoldCommand } from './hold-command.js';
import { addPortsCommand } from './ports-command.js';
import { addServeCommand } from './serve-command.js';

const HELP = `
Long work draws its progress on stderr, when that is a terminal; results go to
stdout. With --json stdout gets one JSON object and nothing else; a figure that
cannot be had is null, with its reason beside it.`;

function version(): string {
  const require = createRequire(import.meta.url);
  return (require('../../package.json') as { version: string }).version;
}

/** Commander's error, with its suggestion on the same line. */
function oneLine(text: string): string {
  return `${text
    .replace(/^error: /, 'connscale: ')
    .trim()
    .replace(/\s*\n\s*/g, ' ')}\n`;
}

/** The `connscale` program. It throws CommanderError instead of ending the process. */
export function buildProgram(): Command {
  const program = new Command('connscale')
    .description('Accepts, makes and holds very many TCP connections, and measures them.')
    .version(version())
    .addHelpText('after', HELP)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
  addServeCommand(program);
  addHoldCommand(program);
  addChurnCommand(program);
  addPortsCommand(program);
  return program;
}
