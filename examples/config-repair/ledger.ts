import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const Entry = z.object({
  /** `applied`: the effect was done. `repeated`: the same effect was asked for again, and nothing was done. */
  event: z.enum(['applied', 'repeated']),
  tool: z.string(),
  key: z.string(),
  attempt: z.int(),
  worker: z.int(),
});
/** One line of the ledger. */
export type LedgerEntry = z.infer<typeof Entry>;

/** Where the tools write down every effect that they really did. */
export const LEDGER = '.effects.log';

/** Reads the ledger, as far as it is written. */
export const readLedger = async (root: string): Promise<readonly LedgerEntry[]> => {
  const text = await readFile(join(root, LEDGER), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Entry.parse(JSON.parse(line)));
};

/** Appends a line to a file and waits until the disk has it. */
export const appendLine = async (file: string, value: unknown): Promise<void> => {
  const handle = await open(file, 'a');
  try {
    await handle.writeFile(`${JSON.stringify(value)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Appends an entry to the ledger. */
export const record = async (root: string, entry: LedgerEntry): Promise<void> =>
  await appendLine(join(root, LEDGER), entry);
