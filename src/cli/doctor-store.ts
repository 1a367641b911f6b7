import { findStore, type StoreTarget } from '../config.ts';
import { inspectStore, MINIMUM_VERSION, withoutPassword } from '../dev/inspect-store.ts';
import { migrate } from '../store/migrate.ts';
import type { DataConfig } from './data-config.ts';
import type { Check } from './doctor-checks.ts';
import { checkOutbox } from './doctor-outbox.ts';

const NAME = 'control store';
const SCHEMA = 'store schema';

const none = ({ kind }: DataConfig): Check => ({
  name: NAME,
  status: kind === 'code' ? 'warn' : 'fail',
  message: kind === 'code' ? 'none is named outside the configuration, which is not run here' : 'none is named',
  fix: ['Run `holdfast dev`, which brings one, or set HOLDFAST_STORE_URL to a PostgreSQL (15 or later).'],
});

const checkServer = async ({ url, source }: StoreTarget): Promise<Check> => {
  const { version, latencyMs } = await inspectStore(url);
  const message = `PostgreSQL ${version.text} at ${withoutPassword(url)} answers in ${latencyMs.toFixed(1)} ms (URL from: ${source})`;
  if (version.major >= MINIMUM_VERSION) return { name: NAME, status: 'ok', message, fix: [] };
  return { name: NAME, status: 'fail', message, fix: [`Holdfast needs PostgreSQL ${MINIMUM_VERSION} or later.`] };
};

/** A worker that starts migrates: a schema that is missing or old is no failure. One of a newer version may be. */
const checkSchema = async (url: string): Promise<Check> => {
  try {
    await migrate({ url, apply: false });
    return { name: SCHEMA, status: 'ok', message: 'is the one of this version', fix: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { name: SCHEMA, status: 'warn', message, fix: ['A worker that starts migrates: `holdfast worker`.'] };
  }
};

/** Looks at the control store and changes nothing in it. @throws what the driver throws when it cannot be reached */
export const checkStore = async (config: DataConfig, namespace = 'default'): Promise<readonly Check[]> => {
  const found = findStore(config.kind === 'data' ? config.config : {});
  if (found === undefined) return [none(config)];
  const { url } = found;
  const server = await checkServer(found);
  if (server.status !== 'ok') return [server];
  const schema = await checkSchema(url);
  return schema.status === 'ok' ? [server, schema, await checkOutbox({ url, namespace }, config)] : [server, schema];
};
