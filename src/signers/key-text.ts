import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import { ConfigError } from '../config-error.ts';
import { isRecord } from '../domain/json.ts';
import { algorithmsOf } from './algorithms.ts';

const KINDS = 'Ed25519, EC P-256, P-384 or P-521, or RSA of 2048 bits or more';

const pemToJwk = (pem: string, isPrivate: boolean): JWK => {
  const key = isPrivate ? createPrivateKey(pem) : createPublicKey(pem);
  return key.export({ format: 'jwk' });
};

const readText = (text: string, isPrivate: boolean): unknown =>
  text.trimStart().startsWith('-----BEGIN') ? pemToJwk(text, isPrivate) : JSON.parse(text);

/** Parses a key by its means, and tells whether the parts of it fit together. */
const checkKey = (jwk: JWK, isPrivate: boolean): void => {
  const input = { key: jwk, format: 'jwk' } as const;
  const { asymmetricKeyDetails } = isPrivate ? createPrivateKey(input) : createPublicKey(input);
  const bits = asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < 2048) throw new Error(`an RSA key of ${bits} bits is too short; 2048 are needed`);
};

const parseKey = (value: unknown, where: string, isPrivate: boolean): JWK => {
  if (!isRecord(value) || typeof value['kty'] !== 'string') {
    throw new ConfigError(`${where}: this is no key; expected a JWK (JSON with "kty") or PEM`);
  }
  const jwk = value as JWK;
  if (algorithmsOf(jwk).length === 0) {
    throw new ConfigError(`${where}: this kind of key cannot sign decisions; it has to be ${KINDS}`);
  }
  try {
    checkKey(jwk, isPrivate);
  } catch (error) {
    throw new ConfigError(`${where}: the key cannot be used: ${error instanceof Error ? error.message : ''}`);
  }
  return jwk;
};

/**
 * A private key, as JWK or PEM (PKCS #8) text, or as a JWK.
 * @param where said in front of an error; no part of the key is
 * @throws ConfigError
 */
export const parsePrivateKey = (given: string | JWK, where: string): JWK => {
  let value: unknown = given;
  try {
    if (typeof given === 'string') value = readText(given, true);
  } catch {
    throw new ConfigError(`${where}: this is no private key; expected a JWK (JSON) or PEM without a passphrase`);
  }
  if (isRecord(value) && value['kty'] !== undefined && value['d'] === undefined) {
    throw new ConfigError(
      `${where}: this is a public key; signing needs the private one, as \`holdfast keys new\` makes it`,
    );
  }
  return parseKey(value, where, true);
};

/**
 * A public key, as JWK or PEM (SPKI) text, or as a JWK. A private one is refused: whoever can read a configuration could sign.
 * @throws ConfigError
 */
export const parsePublicKey = (given: string | JWK, where: string): JWK => {
  const secret = `${where}: this is a private key. Make a new one, for whoever has read this can sign, and put only its public half here`;
  if (typeof given === 'string' && given.includes('PRIVATE KEY')) throw new ConfigError(secret);
  let value: unknown = given;
  try {
    if (typeof given === 'string') value = readText(given, false);
  } catch {
    throw new ConfigError(`${where}: this is no public key; expected a JWK (JSON) or PEM`);
  }
  if (isRecord(value) && value['d'] !== undefined) throw new ConfigError(secret);
  return parseKey(value, where, false);
};
