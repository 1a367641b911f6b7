/** A word as a POSIX shell reads it back. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9._/][A-Za-z0-9._:@/-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
