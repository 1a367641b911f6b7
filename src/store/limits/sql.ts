import { type Placeholder, type SQL, sql } from 'drizzle-orm';

/** A value that a statement is given by name. */
export const value = (name: string): Placeholder => sql.placeholder(name);

/** Now by the database's clock, which all workers share; moves on within a transaction. */
export const NOW_MS: SQL = sql`(extract(epoch from clock_timestamp()) * 1000)::float8`;
export const NOW_US: SQL = sql`(extract(epoch from clock_timestamp()) * 1000000)::bigint`;

/** The first day on which a row that matters for `ms` more says nothing any more. */
export const expiresAfter = (ms: SQL): SQL => sql`((clock_timestamp() + ${ms} * interval '1 millisecond')::date + 2)`;
