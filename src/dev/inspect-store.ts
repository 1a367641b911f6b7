import { Client } from 'pg';

/** The oldest PostgreSQL that will do. */
export const MINIMUM_VERSION = 15;

/** What a look at a control store tells. */
export type StoreFacts = {
  readonly version: { readonly major: number; readonly text: string };
  /** Of one query, milliseconds. */
  readonly latencyMs: number;
};

const CONNECT_MS = 5_000;

/** The URL as people may see it. */
export const withoutPassword = (url: string): string => {
  try {
    const shown = new URL(url);
    shown.password = '';
    shown.search = '';
    return shown.href;
  } catch {
    return '(not a URL)';
  }
};

/** Runs something with a connection of its own. @throws Error of the driver when the store does not answer */
export const withStoreConnection = async <Result>(
  url: string,
  use: (client: Client) => Promise<Result>,
): Promise<Result> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS, query_timeout: CONNECT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } finally {
    await client.end().catch(() => undefined);
  }
};

/** Looks at a control store and changes nothing. @throws Error of the driver when it does not answer */
export const inspectStore = async (url: string): Promise<StoreFacts> =>
  await withStoreConnection(url, async (client) => {
    const { rows } = await client.query<{ server_version_num: string; server_version: string }>(
      "SELECT current_setting('server_version_num') AS server_version_num, current_setting('server_version') AS server_version",
    );
    const [row] = rows;
    const since = performance.now();
    await client.query('SELECT 1');
    return {
      version: { major: Math.floor(Number(row?.server_version_num ?? 0) / 10_000), text: row?.server_version ?? '' },
      latencyMs: performance.now() - since,
    };
  });
