#!/usr/bin/env node
// No static import: on a Node that is too old, loading any of them would fail with something nobody understands.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18) || major === 23) {
  process.stderr.write(
    `error: holdfast needs Node.js 22.18 or later (not 23); this is ${process.versions.node}. Install one from https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  const { runCli } = await import('./program.ts');
  await runCli(process.argv);
}
