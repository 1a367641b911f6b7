import { pgSchema } from 'drizzle-orm/pg-core';

/** The PostgreSQL schema that holds every table of the control store, so that it can share a database. */
export const controlSchema = pgSchema('holdfast');
