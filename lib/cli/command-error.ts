// What ends a command with one line instead of a stack trace.

/** The codes that `connscale` exits with; each command's help names them. */
export const ExitCode = {
  /** What was asked for happened. */
  Done: 0,
  /** Some connections failed, or were lost. */
  Failures: 1,
  /** The arguments are wrong, or ask for what this machine cannot hold: nothing was started. */
  Refused: 2,
  /** Cut short by a signal: 128 and its number, as a shell has it. */
  Signalled: 128,
} as const;

/** An error that a person can act on: its message is all that is printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ExitCode.Refused) {
    super(message);
    this.exitCode = exitCode;
  }
}
