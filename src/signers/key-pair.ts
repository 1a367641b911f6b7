import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

/** A new key to sign decisions with (Ed25519). `kid` is the thumbprint (RFC 7638); the private half also says whose it is: `iss`. */
export const createKeyPair = async (
  issuer: string,
): Promise<{ readonly privateKey: JWK & { readonly iss: string }; readonly publicKey: JWK }> => {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { d = '', ...half } = await exportJWK(pair.privateKey);
  const publicKey = { ...half, kid: await calculateJwkThumbprint(half) };
  return { privateKey: { ...publicKey, d, iss: issuer }, publicKey };
};
