import { sql } from 'drizzle-orm';
import type { Digest } from '../domain/digest.ts';
import type { SurfacePins } from '../gateway/ports.ts';
import { type Connection, statement } from './connection.ts';
import type { Scope } from './scope.ts';
import { surfacePins } from './tables/pins.ts';

const insertPins = sql`insert into ${surfacePins} (namespace, task_queue, server, surfaces)
  values (${sql.placeholder('namespace')}, ${sql.placeholder('taskQueue')}, ${sql.placeholder('server')}, ${sql.placeholder('surfaces')})`;

const PIN = statement('pins_pin', sql`${insertPins} on conflict do nothing`);

const REPIN = statement(
  'pins_repin',
  sql`${insertPins} on conflict (namespace, task_queue, server) do update set surfaces = excluded.surfaces, at = now()`,
);

const READ = statement(
  'pins_read',
  sql`select surfaces from ${surfacePins} where namespace = ${sql.placeholder('namespace')}
    and task_queue = ${sql.placeholder('taskQueue')} and server = ${sql.placeholder('server')}`,
);

/** The pinned tool surfaces of a task queue's MCP servers. */
export const createSurfacePins = (connection: Connection, scope: Scope): SurfacePins => {
  const read = async (server: string): Promise<Readonly<Record<string, Digest>> | undefined> => {
    const [row] = await connection.run(READ, { ...scope, server });
    return row === undefined ? undefined : (JSON.parse(String(row['surfaces'])) as Record<string, Digest>);
  };
  return {
    pin: async (server, surfaces) => {
      const known = await read(server);
      if (known !== undefined) return known;
      // A server that shows nothing yet has not been used for the first time.
      if (Object.keys(surfaces).length === 0) return {};
      await connection.run(PIN, { ...scope, server, surfaces: JSON.stringify(surfaces) });
      return (await read(server)) ?? surfaces;
    },
    repin: async (server, surfaces) => {
      await connection.run(REPIN, { ...scope, server, surfaces: JSON.stringify(surfaces) });
    },
  };
};
