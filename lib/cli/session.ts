// What every command has while it runs.

import { Interruption } from './interruption.js';
import { Progress } from './progress.js';
import { Terminal } from './terminal.js';

export interface Session {
  readonly terminal: Terminal;
  readonly progress: Progress;
  readonly interruption: Interruption;
}

/** Runs a command's body and exits with the code that it returns, once nothing is left to do. */
export async function inSession(body: (session: Session) => Promise<number>): Promise<void> {
  const terminal = new Terminal();
  const progress = new Progress(terminal);
  const interruption = new Interruption();
  try {
    process.exitCode = await body({ terminal, progress, interruption });
  } finally {
    progress.stop();
    interruption.stop();
  }
}
