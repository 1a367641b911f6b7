import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../src/bundle.ts';

// Builds dist/: JavaScript with declarations, and the workflow bundle, so that a worker starts without bundling.
const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`],
  { stdio: 'inherit' },
);
if (status !== 0) process.exit(status ?? 1);
// Migrations lie beside the code that reads them; drizzle-kit's snapshots are for making the next one.
cpSync(`${root}src/store/migrations`, `${root}dist/store/migrations`, {
  recursive: true,
  filter: (path) => !path.endsWith('_snapshot.json'),
});
const { code } = await bundleWorkflows();
writeFileSync(`${root}dist/workflow-bundle.js`, code);
if (existsSync(`${root}dist/cli/main.js`)) chmodSync(`${root}dist/cli/main.js`, 0o755);
