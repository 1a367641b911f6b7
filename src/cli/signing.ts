import { readFileSync, statSync } from 'node:fs';
import type { JWK } from 'jose';
import { ConfigError } from '../config-error.ts';
import type { DecisionName, PendingDecision } from '../domain/decision.ts';
import type { DecisionMessage } from '../domain/messages.ts';
import { readEnvironment } from '../environment.ts';
import { parsePrivateKey } from '../signers/key-text.ts';
import { signDecision } from '../signers/sign.ts';
import { UsageError } from './failure.ts';
import type { SigningOptions } from './signing-options.ts';
import { note, notePaint } from './terminal.ts';

/** A private key, and whose it is. */
export type Signer = { readonly key: JWK; readonly issuer: string; readonly subject: string };

const KEY_FILE =
  'A key file holds the private key that you sign with, as JWK or PEM; `holdfast keys new --out FILE` makes one.';

/** Node's words hold the path a second time. */
const reasonOf = (error: unknown, file: string): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'you may not read it';
  if (code === 'EISDIR') return 'it is a folder';
  return error instanceof Error ? error.message.replace(` '${file}'`, '') : String(error);
};

const parseKey = (text: string, file: string): JWK => {
  try {
    return parsePrivateKey(text, file);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message, KEY_FILE);
    throw error;
  }
};

const readKey = (file: string): JWK => {
  let text: string;
  let mode: number;
  try {
    text = readFileSync(file, 'utf8');
    ({ mode } = statSync(file));
  } catch (error) {
    throw new UsageError(`the key file ${file} cannot be read: ${reasonOf(error, file)}.`, KEY_FILE);
  }
  const key = parseKey(text, file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    note(notePaint.yellow(`others on this machine can read the private key ${file}; run: chmod 600 ${file}`));
  return key;
};

/**
 * The key that is to sign, as the options or HOLDFAST_KEY say; undefined where nobody names one.
 * @throws UsageError when the file holds no private key, or nobody says whose it is
 */
export const readSigner = (options: SigningOptions): Signer | undefined => {
  const file = options.key ?? readEnvironment().HOLDFAST_KEY;
  if (file === undefined) {
    const idle = options.issuer !== undefined || options.subject !== undefined;
    if (idle)
      throw new UsageError('--issuer and --subject go with a key.', `Add --key FILE, or set HOLDFAST_KEY. ${KEY_FILE}`);
    return undefined;
  }
  const key = readKey(file);
  // A member of its own that `keys new` writes: a JWK may have more than the standard knows.
  const issuer = options.issuer ?? (key as Readonly<Record<string, unknown>>)['iss'];
  if (typeof issuer !== 'string' || issuer === '') {
    throw new UsageError(
      `the key file ${file} does not say whose key it is.`,
      'Add --issuer NAME, as it stands under approvals.signers of the workers.',
    );
  }
  return { key, issuer, subject: options.subject ?? issuer };
};

const TEXT_FIELDS = { approve: 'note', deny: 'reason', answer: 'text' } as const satisfies Record<DecisionName, string>;

/** The input of the message that carries a signed decision: the token, and exactly what it was signed with. */
export const signedPayload = async (signing: {
  readonly pending: PendingDecision;
  readonly decision: DecisionName;
  readonly content: Pick<DecisionMessage, 'args' | 'text' | 'scope' | 'same'>;
  readonly namespace: string;
  readonly signer: Signer;
  /** By default 1 hour. */
  readonly lifetimeMs?: number | undefined;
}): Promise<Readonly<Record<string, unknown>>> => {
  const { signer, ...rest } = signing;
  const { text, ...others } = signing.content;
  const token = await signDecision({ ...rest, ...signer });
  return { ...others, ...(text === undefined ? {} : { [TEXT_FIELDS[signing.decision]]: text }), token };
};
