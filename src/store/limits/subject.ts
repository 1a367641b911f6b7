import { digestText } from '../../domain/digest.ts';

/** The subject of what is counted for everybody. */
export const FLEET = '';

const MAX_LENGTH = 200;

/** Names a principal within a tenant, in a text that an index can hold. */
export const subjectOf = ({ id, tenant }: { readonly id: string; readonly tenant?: string | undefined }): string => {
  const name = JSON.stringify([tenant ?? null, id]);
  return name.length <= MAX_LENGTH ? name : digestText(name);
};
