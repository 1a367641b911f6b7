/** The exit codes of every command. */
export const EXIT = {
  done: 0,
  /** Bad input, or something unreachable. */
  failed: 1,
  /** The task ended in another status than `completed`. */
  notCompleted: 2,
  /** It waits for a person, and `--no-wait` was given. */
  waits: 3,
  /** Ctrl-C; the task itself goes on. */
  interrupted: 130,
} as const;

/** An exit code. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
