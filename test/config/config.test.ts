import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ConfigError, defineConfig, findStore, loadConfig, resolveStore } from '../../src/config.ts';

const models = { default: { model: 'm' } };
const plain = { models, agents: { clerk: { instructions: 'Be brief.' } } };

const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-config-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return folder;
};

const load = async (config: unknown): Promise<{ folder: string; config: Awaited<ReturnType<typeof loadConfig>> }> => {
  const folder = await makeFolder();
  const file = join(folder, 'holdfast.config.json');
  await writeFile(file, JSON.stringify(config));
  return { folder, config: await loadConfig(file) };
};

describe('a configuration', () => {
  it('of plain data has MCP servers, policies, a store and agents with tools', async () => {
    const { config, folder } = await load({
      models,
      agents: { clerk: { instructions: 'Be brief.', tools: ['files.*', 'wait'] } },
      mcpServers: {
        files: { command: 'npx', args: ['files', '/srv'], env: { TOKEN: { env: 'FILES_TOKEN' } }, trusted: true },
        bank: {
          url: 'http://localhost:9/mcp',
          headers: { authorization: { env: 'BANK_TOKEN', prefix: 'Bearer ' } },
          tools: {
            send: { effect: 'write', sensitive: ['/to'], rateLimit: { calls: 5, per: '1m' }, requires: ['pay'] },
          },
        },
      },
      policies: ['policies/*.cedar'],
      store: { url: { env: 'STORE' }, retention: '30d' },
    });

    expect(config.folder).toBe(folder);
    expect(config.agents).toMatchObject({ clerk: { tools: ['files.*', 'wait'] } });
    expect(config.mcpServers?.['files']).toMatchObject({ command: 'npx', timeout: '30s', trusted: true, tools: {} });
    expect(config.mcpServers?.['bank']).toMatchObject({ url: 'http://localhost:9/mcp', trusted: false });
    expect(config).toMatchObject({
      policies: ['policies/*.cedar'],
      store: { url: { env: 'STORE' }, retention: '30d' },
    });
  });

  it('keeps functions, also when it is read twice', () => {
    const authorizer = () => true;

    const config = defineConfig(defineConfig({ ...plain, authorizer, mcpServers: { files: { command: 'x' } } }));

    expect(config.authorizer).toBe(authorizer);
    expect(config.mcpServers?.['files']).toMatchObject({ command: 'x', args: [] });
  });

  it('takes relative paths from where its file is, or from the folder that it names', async () => {
    const named = await load({ ...plain, folder: 'sub' });
    const code = await makeFolder();
    await mkdir(join(code, 'inner'));
    await writeFile(join(code, 'inner', 'holdfast.config.js'), `export default ${JSON.stringify(plain)};`);

    expect(named.config.folder).toBe(join(named.folder, 'sub'));
    expect((await loadConfig(join(code, 'inner', 'holdfast.config.js'))).folder).toBe(join(code, 'inner'));
    expect(defineConfig(plain).folder).toBeUndefined();
  });

  it.each<{ name: string; config: object; message: RegExp }>([
    {
      name: 'a server with neither command nor url',
      config: { mcpServers: { files: { trusted: true } } },
      message: /mcpServers\.files: expected either "command" or "url"/,
    },
    {
      name: 'a wrong field of a server that is started',
      config: { mcpServers: { files: { command: 'npx', timeout: 'soon' } } },
      message: /mcpServers\.files\.timeout: expected a duration such as/,
    },
    {
      name: 'a wrong override of a server that is reached over HTTP',
      config: { mcpServers: { bank: { url: 'http://b/mcp', tools: { send: { effect: 'maybe' } } } } },
      message: /mcpServers\.bank\.tools\.send\.effect/,
    },
    {
      name: 'a server name with a dot',
      config: { mcpServers: { 'a.b': { command: 'x' } } },
      message: /mcpServers\.a\.b/,
    },
    {
      name: 'a store that is no PostgreSQL',
      config: { store: { url: 'mysql://x/y' } },
      message: /store\.url: expected "postgres:\/\//,
    },
    { name: 'an empty policy', config: { policies: [''] }, message: /policies\.0/ },
    { name: 'an authorizer that is none', config: { authorizer: 'yes' }, message: /authorizer: expected a function/ },
    { name: 'agents of the wrong type', config: { agents: 'clerk' }, message: /agents: Invalid input/ },
    {
      name: 'an agent with a wrong field',
      config: { agents: { clerk: { instructions: '' } } },
      message: /agents\.clerk\.instructions/,
    },
  ])('names the path of $name', ({ config, message }) => {
    expect(() => defineConfig({ ...plain, ...config })).toThrow(message);
  });
});

describe('the control store', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('is what the caller says, then the configuration, then HOLDFAST_STORE_URL', () => {
    const config = defineConfig({ ...plain, store: { url: 'postgres://config/x' } });
    vi.stubEnv('HOLDFAST_STORE_URL', 'postgres://environment/x');

    expect(resolveStore(config, 'postgres://option/x')).toEqual({ url: 'postgres://option/x', source: 'option' });
    expect(resolveStore(config)).toEqual({ url: 'postgres://config/x', source: 'config' });
    expect(resolveStore(defineConfig(plain))).toEqual({ url: 'postgres://environment/x', source: 'environment' });
  });

  it('may be named by a variable of the configuration, which must be set', () => {
    const config = defineConfig({ ...plain, store: { url: { env: 'MY_STORE' } } });

    expect(() => resolveStore(config)).toThrow('store.url: the environment variable MY_STORE is not set');
    vi.stubEnv('MY_STORE', 'postgres://named/x');
    expect(resolveStore(config)).toEqual({ url: 'postgres://named/x', source: 'config' });
  });

  it('is that of the running `dev` of this folder, and none of one that has ended', async () => {
    const folder = await makeFolder();
    await mkdir(join(folder, '.holdfast'));
    const state = { temporal: { address: 'a:1' }, namespace: 'default', ui: null, store: 'postgres://dev/x' };
    const write = async (pid: number) =>
      await writeFile(join(folder, '.holdfast', 'dev.json'), JSON.stringify({ pid, ...state }));
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(folder);
    onTestFinished(() => cwd.mockRestore());

    await write(process.pid);
    const found = findStore();
    await write(2 ** 30);

    expect(found).toEqual({ url: 'postgres://dev/x', source: 'dev' });
    expect(findStore()).toBeUndefined();
  });

  it('that is nowhere is a ConfigError that says what to do', () => {
    vi.stubEnv('HOLDFAST_STORE_URL', undefined);

    expect(() => resolveStore(defineConfig(plain))).toThrow(ConfigError);
    expect(() => resolveStore(defineConfig(plain))).toThrow(/`holdfast dev`.*HOLDFAST_STORE_URL.*store\.url/);
  });

  it('is refused where HOLDFAST_STORE_URL is no URL of a PostgreSQL', () => {
    vi.stubEnv('HOLDFAST_STORE_URL', 'localhost:5432');

    expect(() => resolveStore()).toThrow(/HOLDFAST_STORE_URL: expected postgres:\/\//);
  });
});
