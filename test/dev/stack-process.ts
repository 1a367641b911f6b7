// Run as a program of its own by tests that kill it: starts a stack in the folder given and says so on stdout.
import { startStack } from '../../src/dev/stack.ts';

const [dataDir = ''] = process.argv.slice(2);
const stack = await startStack({
  dataDir,
  port: 0,
  uiPort: 0,
  storePort: 0,
  onProgress: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify({ temporal: stack.temporal, ui: stack.ui, store: stack.store })}\n`);
setInterval(() => undefined, 60_000);
