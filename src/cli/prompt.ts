import { isCancel } from '@clack/prompts';

const COLUMNS = 80;
const ROWS = 24;

/** A pseudo-terminal that no window shows has no size, and prompts would be drawn a character a line. */
const giveSize = (output: { columns: number; rows: number }): void => {
  if (!(output.columns > 0)) output.columns = COLUMNS;
  if (!(output.rows > 0)) output.rows = ROWS;
};

/**
 * Asks the person at the terminal. Ctrl-C, Escape, Ctrl-D and the end of input give `undefined`: on the last two the line
 * editor closes without a word, and the prompt would wait for ever.
 * @param signal takes the question back, likewise
 */
export const prompt = async <T>(
  ask: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<Exclude<T, symbol> | undefined> => {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  const onKey = (_: string | undefined, key: { readonly ctrl?: boolean; readonly name?: string } | undefined): void => {
    if (key?.ctrl === true && key.name === 'd') end();
  };
  giveSize(process.stderr);
  process.stdin.on('keypress', onKey).once('end', end);
  try {
    const given = await ask(signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal]));
    return isCancel(given) ? undefined : (given as Exclude<T, symbol>);
  } finally {
    process.stdin.off('keypress', onKey).off('end', end);
  }
};
