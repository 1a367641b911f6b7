import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { findPortOwner } from './port-owner.ts';
import { codeOf, StackError } from './stack-error.ts';

/** The only address that the stack listens on. */
export const LOOPBACK = '127.0.0.1';

/** A host and a port of it. */
export type Endpoint = { readonly host: string; readonly port: number };

/** The port that a listening server got. */
export const boundPort = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no TCP port');
  return address.port;
};

const bind = async ({ host, port }: Endpoint): Promise<number> => {
  const server = createServer();
  server.listen(port, host);
  await once(server, 'listening');
  const bound = boundPort(server);
  server.close();
  await once(server, 'close');
  return bound;
};

/** A port of the loopback interface that was free a moment ago. */
export const findFreePort = async (): Promise<number> => await bind({ host: LOOPBACK, port: 0 });

/**
 * An endpoint that no web page can guess: one of 2^24 loopback addresses and any port. Where a system has only
 * 127.0.0.1 (macOS), the port alone has to do.
 */
export const findHiddenEndpoint = async (): Promise<Endpoint> => {
  const host = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
  try {
    return { host, port: await bind({ host, port: 0 }) };
  } catch {
    return { host: LOOPBACK, port: await findFreePort() };
  }
};

/** Whether something accepts connections there. */
export const isListening = async ({ host, port }: Endpoint): Promise<boolean> => {
  const socket = connect(port, host);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

/** What a port is for and which flag of `holdfast dev` changes it. */
export type PortUse = { readonly port: number; readonly what: string; readonly flag: string };

/** The error for a port that another process has; names that process where the system tells it. */
export const portInUse = async ({ port, what, flag }: PortUse, cause?: unknown): Promise<StackError> => {
  const owner = await findPortOwner(port);
  const by =
    owner === null ? 'another process' : `process ${owner.pid}${owner.command === '' ? '' : ` (${owner.command})`}`;
  return new StackError(
    `Port ${port}, wanted for ${what}, is in use by ${by}. End it, or choose another port with ${flag} (0: any free one).`,
    { cause },
  );
};

/**
 * The port itself, or a free one for 0.
 * @throws StackError when it is in use
 */
export const claimPort = async (use: PortUse): Promise<number> => {
  if (use.port === 0) return await findFreePort();
  // Some systems let a second process bind 127.0.0.1 beside one that listens on all addresses.
  if (await isListening({ host: LOOPBACK, port: use.port })) throw await portInUse(use);
  try {
    return await bind({ host: LOOPBACK, port: use.port });
  } catch (error) {
    if (codeOf(error) === 'EADDRINUSE') throw await portInUse(use, error);
    throw new StackError(
      `Port ${use.port}, wanted for ${use.what}, cannot be opened. Choose another with ${use.flag}.`,
      {
        cause: error,
      },
    );
  }
};
