const config = `import { defineAgent, defineConfig } from 'holdfast';
import { archiveNote, readNote } from './tools.ts';

export const clerk = defineAgent({
  name: 'clerk',
  instructions: 'You keep a folder of notes. Read a note before you archive it, and say in one sentence what you did.',
  tools: [readNote, archiveNote],
  limits: { steps: 10 },
});

export const config = defineConfig({
  models: { default: { model: 'gpt-5-mini', apiKey: { env: 'OPENAI_API_KEY' } } },
  agents: [clerk],
});

export default config;
`;

const tools = `import { defineTool, withApproval } from 'holdfast';
import { z } from 'zod';

const notes = new Map([['monday', 'Buy paint.']]);
const archive = new Set<string>();

export const readNote = defineTool({
  name: 'read_note',
  description: 'Returns the text of a note.',
  effect: 'read',
  input: z.object({ name: z.string() }),
  output: z.string(),
  execute: ({ name }) => {
    const text = notes.get(name);
    if (text === undefined) throw new Error(\`there is no note \${name}; notes: \${[...notes.keys()].join(', ')}\`);
    return text;
  },
});

/** Asks a person first: remove \`withApproval\` and the call runs at once. */
export const archiveNote = withApproval(
  defineTool({
    name: 'archive_note',
    description: 'Moves a note to the archive.',
    effect: 'write',
    idempotent: true,
    input: z.object({ name: z.string() }),
    output: z.string(),
    execute: ({ name }) => {
      archive.add(name);
      return \`archived \${name}\`;
    },
  }),
  { requireConfirmation: true, reason: 'archiving a note is for a person to decide' },
);
`;

const test = `import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { defineConfig } from 'holdfast';
import { AgentClient } from 'holdfast/client';
import { startScriptedModel } from 'holdfast/testing';
import { createWorker } from 'holdfast/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clerk } from './holdfast.config.ts';

// A Temporal server and a control store of its own, for this test only.
const ports = ['--port', '0', '--ui-port', '0', '--store-port', '0'];
const options = ['--ephemeral', '--no-worker', '--json', ...ports, '--data', '.holdfast-test'];
const dev = spawn('holdfast', ['dev', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
let address = '';
let store = '';

beforeAll(async () => {
  for await (const line of createInterface({ input: dev.stdout })) {
    ({ temporal: address, store } = JSON.parse(line) as { temporal: string; store: string });
    break;
  }
}, 300_000);

afterAll(async () => {
  dev.kill('SIGTERM');
  await once(dev, 'exit');
});

it('archives a note once a person has approved it', { timeout: 60_000 }, async () => {
  const model = await startScriptedModel({
    script: [
      { calls: [{ tool: 'read_note', args: { name: 'monday' } }] },
      { calls: [{ tool: 'archive_note', args: { name: 'monday' } }] },
      { text: 'I archived the note of Monday.' },
    ],
  });
  await using client = await AgentClient.connect({ address });
  const config = defineConfig({ models: { default: { model: 'scripted', baseURL: model.url } }, agents: [clerk] });
  const worker = await createWorker({ config, address, store });
  const running = worker.run();

  const task = await client.start({ agent: 'clerk', goal: 'Archive the note of Monday', principal: { id: 'ana' } });
  for await (const event of task) {
    if (event.type === 'waiting') await task.approve({ callId: event.pending[0]?.callId ?? '', by: 'ben' });
  }
  const outcome = await task.result();

  expect(outcome).toMatchObject({ status: 'completed', output: 'I archived the note of Monday.' });
  expect(outcome.effects).toMatchObject([{ tool: 'archive_note', status: 'succeeded' }]);
  worker.shutdown();
  await running;
  await model.close();
});
`;

const readme = `# Notes, kept by an agent

    npm install
    npm test                      # a whole task against a scripted model: no key, no cost

    export OPENAI_API_KEY=…       # or any OpenAI-compatible server: set \`baseURL\` in holdfast.config.ts
    npx holdfast dev              # Temporal, its UI, the control store and the worker; leave it running
    npx holdfast run clerk 'Archive the note of Monday'

The task asks before it archives anything. Decide in the terminal, with \`npx holdfast inbox\`, or in the Temporal UI.
Afterwards \`npx holdfast trace TASK\` tells what it did and why, and \`npx holdfast replay TASK\` runs it again from its record.

- \`holdfast.config.ts\`: models and agents
- \`tools.ts\`: what the agent can do
- \`notes.test.ts\`: a task from start to end
`;

const tsconfig = {
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
    types: ['node'],
  },
  include: ['*.ts'],
};

const packageFile = (name: string, version: string) => ({
  name,
  private: true,
  type: 'module',
  engines: { node: '^22.18.0 || >=24.0.0' },
  scripts: { dev: 'holdfast dev', test: 'vitest run', typecheck: 'tsc' },
  dependencies: { holdfast: `^${version}`, zod: '^4.0.0' },
  devDependencies: { '@types/node': '^24.0.0', typescript: '^7.0.0', vitest: '^5.0.0' },
});

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** The files of a new project, by name. @param project a package name, and the version of Holdfast that it is to use */
export const initFiles = ({
  name,
  version,
}: {
  readonly name: string;
  readonly version: string;
}): Readonly<Record<string, string>> => ({
  'package.json': json(packageFile(name, version)),
  'tsconfig.json': json(tsconfig),
  'holdfast.config.ts': config,
  'tools.ts': tools,
  'notes.test.ts': test,
  'README.md': readme,
  '.gitignore': 'node_modules/\n.holdfast/\n.holdfast-test/\n',
});
