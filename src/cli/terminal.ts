import type { ReadStream, WriteStream } from 'node:tty';
import { Ansis } from 'ansis';

/** Colours for one stream; none where it is no terminal, or NO_COLOR is set. */
export type Paint = Ansis;

const LEVELS: Record<number, number> = { 1: 0, 4: 1, 8: 2, 24: 3 };

// Node's own detection knows NO_COLOR, FORCE_COLOR and TERM, and asks about this stream; the package asks about stdout.
const paintOf = (stream: WriteStream): Paint => new Ansis(stream.isTTY ? (LEVELS[stream.getColorDepth()] ?? 1) : 0);

/** Colours for what a command gives: stdout. */
export const paint: Paint = paintOf(process.stdout);

/** Colours for everything else: stderr. */
export const notePaint: Paint = paintOf(process.stderr);

/** Writes a line of the result to stdout. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Writes a value as one line of JSON to stdout. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Writes a line to stderr: progress, hints, warnings. */
export const note = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Tells whether a person can be asked here. */
export const isInteractive = (input: ReadStream = process.stdin, output: WriteStream = process.stderr): boolean =>
  input.isTTY && output.isTTY;
