import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { onCall, osUser, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { note, notePaint, print, printJson } from './terminal.ts';
import { clean, oneLine } from './text.ts';

type NewOptions = { readonly out: string; readonly issuer: string };

/** Writes a file that only its owner may read, in a folder that is made where it is not there. A key that is there already is somebody's. */
const writePrivate = (file: string, text: string): void => {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (isThere)
      throw new UsageError(`${file} is there already, and a key is never written over.`, 'Name another file.');
    throw new UsageError(
      `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
      'Name a file that you may write.',
    );
  }
};

/** `holdfast keys new`. */
const newCommand = (): Command => {
  const command = new Command('new')
    .summary('make a key to sign decisions with')
    .description(
      'Makes an Ed25519 key. The private half goes into the file, which only you can read; the public half is printed, as it goes into the configuration of the workers.',
    )
    .requiredOption('--out <file>', 'where the private key goes; must not be there yet')
    .option('--issuer <name>', 'whose key it is, as under approvals.signers', osUser());
  withExamples(command, ['holdfast keys new --out ~/.config/holdfast/ana.key.json --issuer ana']);
  return onCall<NewOptions>(command, async ({ options: { out, issuer }, globals }) => {
    if (issuer.trim() === '') throw new UsageError('--issuer is empty.', 'Say whose key it is: --issuer ana, say.');
    const { createKeyPair } = await import('../signers/key-pair.ts');
    const { stringify } = await import('yaml');
    const { privateKey, publicKey } = await createKeyPair(issuer);
    const file = resolve(out);
    writePrivate(file, `${JSON.stringify(privateKey, null, 2)}\n`);
    if (globals.json) {
      printJson({ file, issuer, publicKey });
      return EXIT.done;
    }
    note(`The private key is in ${clean(file)}. It stays with you; whoever has it decides in your name.`);
    note('The public key, for the configuration of the workers:');
    print(stringify({ approvals: { signers: [{ issuer, publicKey }] } }).trimEnd());
    note(notePaint.dim(`Then: holdfast sign TASK approve --key ${oneLine(file, 200)}`));
    return EXIT.done;
  });
};

/** `holdfast keys`: what decisions are signed with. */
export const keysCommand = (): Command =>
  withExamples(
    new Command('keys')
      .summary('make keys to sign decisions with')
      .description('Makes keys to sign decisions with.')
      .addCommand(newCommand()),
    ['holdfast keys new --out ana.key.json --issuer ana'],
  );
