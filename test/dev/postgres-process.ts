// Run as a program of its own by tests that kill it: starts a PostgreSQL in the folder given and prints its URL.
import { startPostgres } from '../../src/dev/postgres.ts';

const [dataDir = ''] = process.argv.slice(2);
const server = await startPostgres({ dataDir, port: 0, log: (line) => process.stderr.write(`${line}\n`) });
process.stdout.write(`${server.url}\n`);
setInterval(() => undefined, 60_000);
