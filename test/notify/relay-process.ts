import { startRelay } from '../../src/notify/relay.ts';
import { openStore } from '../../src/store/index.ts';
import { makeEndpoint, silent } from './support.ts';

// A worker as far as messages go, to be killed: STORE NAMESPACE URL.
const [url = '', namespace = '', receiver = ''] = process.argv.slice(2);
const store = await openStore({ url, namespace, taskQueue: 'q' });
startRelay({ outbox: store.outbox, endpoints: [makeEndpoint(receiver)], log: silent, pollMs: 50 });
