import type { JWK } from 'jose';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;

/** By type and curve of a key. A secret that both sides share proves nobody, so no HS*; and never none. */
const BY_KEY: Record<string, readonly string[]> = {
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  RSA,
};

/** Every algorithm that a signature may have. */
export const ALGORITHMS: readonly string[] = Object.values(BY_KEY).flat();

/**
 * The algorithms that a key may sign with, the one to use first; none: it is no key for signatures.
 * A key that names its own algorithm has that one only.
 */
export const algorithmsOf = ({ kty, crv, alg }: Pick<JWK, 'kty' | 'crv' | 'alg'>): readonly string[] => {
  const fitting = BY_KEY[crv === undefined ? String(kty) : `${kty} ${crv}`] ?? [];
  // EdDSA is the older name of Ed25519.
  if (alg === undefined || alg === 'EdDSA' || alg === 'Ed25519')
    return kty === 'RSA' && alg !== undefined ? [] : fitting;
  return fitting.filter((each) => each === alg);
};
