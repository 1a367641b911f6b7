import { type CryptoKey, errors, type JWSHeaderParameters } from 'jose';

/** Keys that one token may make us try. */
const MAX_TRIED = 8;

/** Keys of a set that fit a token's header. What is wrong with the header, or with a key that it names, is no error: nothing fits. */
export const findKeys = async (
  find: (header: JWSHeaderParameters) => Promise<CryptoKey>,
  header: JWSHeaderParameters,
): Promise<readonly CryptoKey[]> => {
  try {
    return [await find(header)];
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return [];
    const keys: CryptoKey[] = [];
    for await (const key of error) if (keys.push(key) === MAX_TRIED) break;
    return keys;
  }
};
