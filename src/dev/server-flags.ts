import { randomUUID } from 'node:crypto';
import { SEARCH_ATTRIBUTES } from '../domain/task.ts';
import { type Endpoint, LOOPBACK } from './ports.ts';

/** Where a development server listens and keeps its data; `database` null keeps it in memory. */
export type ServerLayout = {
  readonly database: string | null;
  readonly namespace: string;
  readonly port: number;
  readonly httpPort: number;
  readonly ui: Endpoint;
};

// Without these a single-shard server polls 20 times a second and rounds timers up to a second.
const PACE = {
  'history.transferProcessorMaxPollRPS': '2000',
  'history.timerProcessorMaxPollRPS': '1000',
  'history.timerProcessorMaxTimeShift': '"10ms"',
  'matching.enableFairness': 'true',
  'system.enableActivityEagerExecution': 'true',
};

/**
 * Closes the server's HTTP API, which cannot be turned off. INVARIANT U2: no web page reaches it.
 *
 * It takes JSON of any content type from any origin without a token: a page that is open in a browser could signal,
 * start or end workflows. A browser always sends the address in its address bar as `Host`, and this name is no address.
 * Nexus has routes of its own on that port which do not look at the list.
 */
const closedHttpApi = (): Record<string, string> => ({
  'frontend.httpAllowedHosts': JSON.stringify([`closed.${randomUUID()}.invalid`]),
  'system.enableNexus': 'false',
});

/** The arguments of `temporal server start-dev`. */
export const serverArguments = ({ database, namespace, port, httpPort, ui }: ServerLayout): string[] => {
  const settings = Object.entries({ ...PACE, ...closedHttpApi() });
  const flags: Record<string, string> = {
    // The port and the folder come first: they are what a process list shows of a long command line.
    '--port': String(port),
    ...(database === null ? {} : { '--db-filename': database }),
    ...(namespace === 'default' ? {} : { '--namespace': namespace }),
    '--ip': LOOPBACK,
    '--http-port': String(httpPort),
    '--ui-ip': ui.host,
    '--ui-port': String(ui.port),
    '--log-level': 'error',
    '--color': 'never',
  };
  const repeated = [
    ...Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...settings.map(([key, value]) => ['--dynamic-config-value', `${key}=${value}`]),
  ];
  return ['server', 'start-dev', ...Object.entries(flags).flat(), ...repeated.flat()];
};
