import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type CryptoKey, createLocalJWKSet, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';
import { ConfigError } from '../config-error.ts';
import type { SignerConfig } from '../domain/schemas/signers.ts';
import { ALGORITHMS, algorithmsOf } from './algorithms.ts';
import { findKeys } from './find-keys.ts';
import { parsePublicKey } from './key-text.ts';
import { remoteKeys } from './remote-keys.ts';

/** Keys of one token's issuer that may have signed it, and the algorithms that they sign with. */
export type KeySource = {
  readonly algorithms: readonly string[];
  /**
   * Those that fit a token's header; none: the issuer has no such key.
   * @throws ApplicationFailure `Signer.Unavailable` when the keys cannot be had now
   */
  readonly keysFor: (header: JWSHeaderParameters) => Promise<readonly (KeyObject | CryptoKey)[]>;
};

const readFileOf = (file: string, folder: string, where: string): string => {
  const path = resolve(folder, file);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `${where}: the file ${path} cannot be read (${error instanceof Error ? error.message : ''}); put the public key there, or correct the path, which starts at the folder of the configuration`,
      { cause: error },
    );
  }
};

/** Keys that a file holds do not change while the worker runs. */
const fileKeys = (text: string, where: string): KeySource => {
  try {
    const value = JSON.parse(text) as JSONWebKeySet;
    if (value.keys.length === 0) throw new Error('it holds no key');
    value.keys.forEach((key, index) => parsePublicKey(key, `keys[${index}]`));
    const find = createLocalJWKSet(value);
    return { algorithms: ALGORITHMS, keysFor: (header) => findKeys(find, header) };
  } catch (error) {
    throw new ConfigError(
      `${where}: this is no set of public keys, {"keys":[…]} of JWKs: ${error instanceof Error ? error.message : ''}`,
      { cause: error },
    );
  }
};

/**
 * Where the keys of a configured signer come from. Files are read now.
 * @param at its place in the list
 * @throws ConfigError
 */
export const keySource = (
  signer: SignerConfig,
  { at, folder, warn }: { readonly at: number; readonly folder: string; readonly warn: (message: string) => void },
): KeySource => {
  const where = `approvals.signers.${at}`;
  if ('jwks' in signer) {
    const { jwks } = signer;
    if (typeof jwks === 'string') return remoteKeys(jwks, warn);
    return fileKeys(readFileOf(jwks.file, folder, `${where}.jwks`), `${where}.jwks`);
  }
  const { publicKey } = signer;
  const given = 'kty' in publicKey ? publicKey : readFileOf(publicKey.file, folder, `${where}.publicKey`);
  const jwk = parsePublicKey(given, `${where}.publicKey`);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return { algorithms: algorithmsOf(jwk), keysFor: () => Promise.resolve([key]) };
};
