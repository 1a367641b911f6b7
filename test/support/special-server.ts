import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Connection } from '@temporalio/client';
import { findFreePort } from '../../src/dev/ports.ts';
import { ensureSearchAttributes } from '../../src/dev/search-attributes.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';

type SpecialServer = { address: string; stop: () => Promise<void> };

/** A server of its own, for tests that need other settings than the shared one has. */
export const startSpecialServer = async (settings: Record<string, string>): Promise<SpecialServer> => {
  // A port that was free may be taken by another test before the server has it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(settings);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
};

const startServer = async (settings: Record<string, string>): Promise<SpecialServer> => {
  const { path } = await findTemporalBinary({});
  const port = await findFreePort();
  const flags = Object.entries(settings).flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${value}`]);
  const server = spawn(
    path,
    [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--log-level',
      'never',
      ...flags,
    ],
    { stdio: 'ignore' },
  );
  const address = `127.0.0.1:${port}`;
  const gone = once(server, 'exit').then(() => {
    throw new Error(`the server at ${address} ended at its start`);
  });
  gone.catch(() => undefined);
  const connection = await Promise.race([untilConnected(address), gone]);
  await ensureSearchAttributes(connection, 'default');
  await connection.close();
  return {
    address,
    stop: async () => {
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
};

const untilConnected = async (address: string): Promise<Connection> => {
  for (let tries = 0; ; tries++) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: '1s' });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      return connection;
    } catch (error) {
      if (tries > 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
};
