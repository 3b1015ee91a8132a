// The one error that is meant for a person. Anything else that is thrown is a bug and crashes loudly.

export type ErrorDetails = {
  /** Stable, kebab-case, for programs and tests: "dataset-not-found". */
  code: string;
  /** What happened and where, with the actual values. One or two plain sentences. */
  message: string;
  /** What to do about it: the next command, setting or click. */
  fix: string;
  /** What to do about it in a terminal, where that is a command: a window shows `fix`, which names none. */
  commandLine?: string | undefined;
  /** Of "file-not-granted": what a window would have to be given first. */
  paths?: string[] | undefined;
};

/** Bad input or a bad environment. Command-line hosts exit with 2, the app shows message and fix. */
export class UserError extends Error {
  readonly code: string;
  readonly fix: string;
  readonly commandLine: string | undefined;
  readonly paths: string[] | undefined;

  constructor(details: ErrorDetails, options?: { cause?: unknown }) {
    super(details.message, options);
    this.name = 'UserError';
    this.code = details.code;
    this.fix = details.fix;
    this.commandLine = details.commandLine;
    this.paths = details.paths;
  }

  toDetails(): ErrorDetails {
    const { code, message, fix, commandLine, paths } = this;
    return { code, message, fix, ...(commandLine !== undefined && { commandLine }), ...(paths && { paths }) };
  }

  /** What a window is told: nothing that is typed in a terminal. */
  toWindow(): Omit<ErrorDetails, 'commandLine'> {
    const { commandLine: _, ...shown } = this.toDetails();
    return shown;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for Node's system errors with this code, for example "ENOENT" or "ENOSPC". */
export function hasSystemCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
