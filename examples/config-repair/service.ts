import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const Checkout = z.object({ session_ttl_minutes: z.number().positive() });
const Payments = z.object({ timeout_ms: z.number().positive() });
const Inventory = z.object({ cache_ttl_s: z.number().min(0) });

/** What `GET /health` answers. */
export const Health = z.object({
  status: z.enum(['ok', 'degraded']),
  errorRate: z.number().describe('Failed checkouts, as a part of all: 0 to 1'),
  checkouts: z.int(),
  failures: z.record(z.string(), z.int()).describe('How many failed, by cause'),
});
export type Health = z.infer<typeof Health>;

const CHECKOUTS = 1_000;
const DECLINED = 24;
const DEGRADED_ABOVE = 0.03;

/** Payments take 120 ms at best and have a long tail: one in a hundred takes about a second. */
const paymentMs = (nth: number): number => 120 * (1 - (nth + 0.5) / CHECKOUTS) ** -0.45;

const slowPayments = (timeoutMs: number): number =>
  Array.from({ length: CHECKOUTS }, (_, nth) => paymentMs(nth)).filter((ms) => ms > timeoutMs).length;

const readSettings = async <T>(folder: string, name: string, schema: z.ZodType<T>): Promise<T> => {
  const parsed = schema.safeParse(parse(await readFile(join(folder, name), 'utf8')));
  if (!parsed.success) throw new TypeError(`${name}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
};

/**
 * The health of checkout under the configuration of a folder. The same configuration always gives the same numbers.
 * @throws when a file is missing, or is not YAML that the service understands
 */
export const measureHealth = async (folder: string): Promise<Health> => {
  const [checkout, payments, inventory] = await Promise.all([
    readSettings(folder, 'checkout.yaml', Checkout),
    readSettings(folder, 'payments.yaml', Payments),
    readSettings(folder, 'inventory.yaml', Inventory),
  ]);
  const failures = {
    card_declined: DECLINED,
    payment_timeout: slowPayments(payments.timeout_ms),
    out_of_stock: Math.round(Math.max(0, inventory.cache_ttl_s - 300) * 0.02),
    session_expired: Math.round(Math.max(0, 10 - checkout.session_ttl_minutes) * 6),
  };
  const failed = Math.min(
    CHECKOUTS,
    Object.values(failures).reduce((sum, count) => sum + count, 0),
  );
  const errorRate = failed / CHECKOUTS;
  return { status: errorRate > DEGRADED_ABOVE ? 'degraded' : 'ok', errorRate, checkouts: CHECKOUTS, failures };
};

/** A running checkout service. */
export type Service = { readonly url: string; readonly close: () => Promise<void> };

const respond = async (folder: string, path: string): Promise<{ readonly status: number; readonly body: unknown }> => {
  if (path !== '/health') return { status: 404, body: { error: 'there is only /health' } };
  try {
    return { status: 200, body: await measureHealth(folder) };
  } catch (error) {
    return {
      status: 503,
      body: { error: `the configuration cannot be used: ${error instanceof Error ? error.message : String(error)}` },
    };
  }
};

const serve = async (folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { status, body } = await respond(folder, new URL(request.url ?? '/', 'http://service').pathname);
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
};

/** Starts the checkout service. It reads its configuration from `folder` anew for every request. */
export const startService = async (folder: string): Promise<Service> => {
  const server = createServer((request, response) => void serve(folder, request, response));
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await listening;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the service has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await closed;
    },
  };
};
