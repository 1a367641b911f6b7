import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Connection } from '@temporalio/client';
import { findFreePort } from '../../src/dev/ports.ts';
import { ensureSearchAttributes } from '../../src/dev/search-attributes.ts';
import { findTemporalBinary } from '../../src/dev/temporal-binary.ts';

/** A server of its own, for tests that need other settings than the shared one has. */
export const startSpecialServer = async (
  settings: Record<string, string>,
): Promise<{ address: string; stop: () => Promise<void> }> => {
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
  const connection = await untilConnected(address);
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
