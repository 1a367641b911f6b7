import { z } from 'zod';

/** Where the values of a call's arguments came from. */
export const ProvenanceSchema = z.record(
  z.string().describe('JSON pointer into the arguments'),
  z.object({ source: z.enum(['principal', 'trusted', 'untrusted', 'model']), item: z.string().exactOptional() }),
);
