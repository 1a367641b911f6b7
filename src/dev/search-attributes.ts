import type { Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES, type SearchAttributeName } from '../domain/task.ts';

// The wire numbers of Temporal's `IndexedValueType`, by the names that SEARCH_ATTRIBUTES uses.
const INDEXED_VALUE_TYPES = { Keyword: 2, Double: 4, KeywordList: 7 } as const satisfies Record<
  (typeof SEARCH_ATTRIBUTES)[SearchAttributeName],
  number
>;

const isName = (name: string): name is SearchAttributeName => name in SEARCH_ATTRIBUTES;
const NAMES = Object.keys(SEARCH_ATTRIBUTES).filter(isName);

const typeNumber = (name: SearchAttributeName): number => INDEXED_VALUE_TYPES[SEARCH_ATTRIBUTES[name]];

/**
 * The search attributes that tasks need and the namespace lacks, or has under another type.
 * @throws ServiceError when the server does not answer or does not let this be read
 */
export const missingSearchAttributes = async (
  connection: Connection,
  namespace: string,
): Promise<readonly SearchAttributeName[]> => {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return NAMES.filter((name) => Number(customAttributes[name]) !== typeNumber(name));
};

/**
 * Registers the missing search attributes; idempotent, also when two do it at once.
 * @returns the names that it added
 * @throws ServiceError when the server refuses, as it does for a name that exists with another type
 */
export const ensureSearchAttributes = async (
  connection: Connection,
  namespace: string,
): Promise<readonly SearchAttributeName[]> => {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return missing;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, typeNumber(name)]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    const stillMissing = await missingSearchAttributes(connection, namespace);
    if (stillMissing.length > 0) throw error;
  }
  return missing;
};
