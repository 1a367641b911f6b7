import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { McpServerConfig } from '../../src/domain/schemas/mcp-server.ts';
import { classify } from '../../src/gateway/classify.ts';
import { startHttpServer, startModernHttpServer } from './http-server.ts';
import type { ScriptedServer, ScriptedTool } from './scripted-server.ts';
import { http, makeFolder, type Running, raw, type Scripted, script, start, stdio, until } from './support.ts';

const PNG = 'iVBORw0KGgo=';

type Transport = {
  readonly name: 'stdio' | 'http';
  readonly run: (
    given: ScriptedServer | readonly ScriptedTool[],
    settings?: Parameters<typeof stdio>[1],
  ) => Promise<{ readonly running: Running; readonly scripted: Scripted }>;
};

const TRANSPORTS: readonly Transport[] = [
  {
    name: 'stdio',
    run: async (given, settings) => {
      const scripted = await script(given);
      return { running: await start({ s: stdio(scripted, settings) }), scripted };
    },
  },
  {
    name: 'http',
    run: async (given, settings) => {
      const scripted = await script(given);
      const server = await startHttpServer(scripted);
      onTestFinished(server.close);
      return { running: await start({ s: http(server.url, settings) }), scripted };
    },
  },
];

/** How the gateway takes what a call throws. */
const taken = async (running: Running, name: string, over: object = {}) => {
  const error = await running.call(name, {}, over).then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error,
  );
  const { kind, mayHaveHappened, message } = classify(running.tool(name), error, { isAborted: false });
  return { kind, mayHaveHappened, message };
};

for (const { name, run } of TRANSPORTS) {
  describe(`calls over ${name}`, () => {
    it('finds tools as SERVER.TOOL and hands arguments and text through', async () => {
      const { running } = await run([{ name: 'echo', description: 'says it again' }]);

      expect(running.names()).toEqual(['s.echo']);
      expect(running.tool('s.echo').description).toBe('says it again');
      expect(await running.call('s.echo', { a: 1, nested: { b: ['ü'] } })).toBe('{"a":1,"nested":{"b":["ü"]}}');
    });

    it('follows pages to the last one, ends at a cursor that comes again, and refuses a list without an end', async () => {
      const tools = Array.from({ length: 25 }, (_, n) => ({ name: `t${n}` }));
      const { running: paged } = await run({ tools, pageSize: 10 });
      const { running: circular } = await run({ tools, sameCursor: true });
      const { running: endless } = await run({ tools, endless: true });

      expect(paged.names()).toHaveLength(25);
      expect(circular.names()).toHaveLength(25);
      expect(endless.surfaces()).toMatchObject([{ state: { kind: 'down', error: expect.stringContaining('pages') } }]);
    });

    it('cancels a call that takes too long, and tells the server', async () => {
      const { running, scripted } = await run([{ name: 'slow', does: 'hang' }], { timeout: '60s' });
      const signal = AbortSignal.timeout(300);

      await expect(running.call('s.slow', {}, { signal })).rejects.toThrow(/abort|timeout/i);
      await until(async () => (await scripted.seen()).includes('cancelled slow'), 'the server heard of it');
    });

    it('INVARIANT E3: takes a call without an answer in its time for unknown', async () => {
      const { running } = await run([{ name: 'slow', does: 'hang' }], { timeout: '200ms' });

      expect(await taken(running, 's.slow')).toMatchObject({ kind: 'transient', mayHaveHappened: true });
    });

    it('gives structured content the preference, and images as attachments beside the text', async () => {
      const image = { type: 'image', data: PNG, mimeType: 'image/png' };
      const { running } = await run([
        { name: 'both', does: { result: { content: [{ type: 'text', text: 'x' }], structuredContent: { n: 1 } } } },
        {
          name: 'texts',
          does: {
            result: {
              content: [
                { type: 'text', text: 'a' },
                { type: 'text', text: 'b' },
              ],
            },
          },
        },
        { name: 'image', does: { result: { content: [{ type: 'text', text: 'see' }, image] } } },
        { name: 'repeated', does: { result: { content: [image], structuredContent: { content: [image] } } } },
        {
          name: 'blob',
          does: { result: { content: [{ type: 'resource', resource: { uri: 'f:/x', blob: PNG, mimeType: 'a;b' } }] } },
        },
      ]);
      const attachment = (mediaType: string) => ({ $attachment: { mediaType, base64: PNG } });

      expect(await running.call('s.both')).toEqual({ n: 1 });
      expect(await running.call('s.texts')).toBe('a\nb');
      expect(await running.call('s.image')).toEqual({ content: 'see', attachments: [attachment('image/png')] });
      expect(await running.call('s.repeated')).toEqual({ content: [attachment('image/png')] });
      expect(await running.call('s.blob')).toMatchObject({ attachments: [attachment('application/octet-stream')] });
    });

    it('checks structured content after the effect: a mismatch is a problem of the output, not a failed call', async () => {
      const outputSchema = { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] };
      const { running } = await run([
        { name: 'good', outputSchema, does: { result: { content: [], structuredContent: { n: 1 } } } },
        { name: 'bad', outputSchema, does: { result: { content: [], structuredContent: { n: 'one' } } } },
        { name: 'none', outputSchema, does: { result: { content: [{ type: 'text', text: 'done' }] } } },
      ]);
      const check = async (name: string) => await running.tool(name).output?.parse(await running.call(name));

      expect(await check('s.good')).toEqual({ ok: true, value: { n: 1 } });
      expect(await check('s.bad')).toMatchObject({ ok: false, problems: expect.stringContaining('/n') });
      expect(await check('s.none')).toMatchObject({ ok: false, problems: expect.stringContaining('no structured') });
    });

    it('takes isError for a permanent failure with the words of the server', async () => {
      const result = { isError: true, content: [{ type: 'text', text: 'no such order; ECONNREFUSED' }] };
      const { running } = await run([{ name: 'fails', does: { result } }]);

      expect(await taken(running, 's.fails')).toEqual({
        kind: 'permanent',
        mayHaveHappened: false,
        message: expect.stringContaining('no such order'),
      });
    });

    it('offers no sampling, no roots and no elicitation', async () => {
      const { running } = await run([{ name: 'asks', does: 'ask-for-more' }]);

      expect(await running.call('s.asks')).toBe('rejected rejected rejected');
    });

    it('hears of a changed list', async () => {
      const tools: ScriptedTool[] = [{ name: 'notify', does: 'notify' }];
      const { running, scripted } = await run(tools);
      let changes = 0;
      running.onChange(() => {
        changes += 1;
      });
      const before = running.tools();

      await scripted.become({ tools: [...tools, { name: 'more' }] });
      await running.call('s.notify');

      await until(() => running.names().includes('s.more'), 'the new tool is there');
      expect(changes).toBe(1);
      expect(before.map(({ name }) => name)).toEqual(['s.notify']);
      expect(running.tool('s.notify')).toBe(before[0]);
    });
  });
}

describe('a server that goes away', () => {
  it('INVARIANT E3: leaves a call that it crashes in unknown, and is started again for the next one', async () => {
    const scripted = await script([{ name: 'crash', does: 'crash' }, { name: 'echo' }]);
    const running = await start({ s: stdio(scripted) });

    expect(await taken(running, 's.crash')).toMatchObject({ kind: 'transient', mayHaveHappened: true });

    expect(await running.call('s.echo', { n: 1 })).toBe('{"n":1}');
    expect((await scripted.seen()).filter((line) => line.startsWith('call crash'))).toHaveLength(1);
  });

  it('INVARIANT E3: takes an HTTP answer that breaks off for unknown, long before its time is up', async () => {
    const scripted = await script([{ name: 'slow', does: 'hang' }]);
    const server = await startHttpServer(scripted);
    onTestFinished(server.close);
    const running = await start({ s: http(server.url, { timeout: '5m' }) });

    // Handshake, its notification, the server's own stream, the list.
    await until(() => server.begun() === 4, 'everything is quiet');
    const outcome = taken(running, 's.slow');
    await until(() => server.begun() === 5, 'the answer has begun');
    server.breakConnections();

    expect(await outcome).toMatchObject({ kind: 'transient', mayHaveHappened: true });
    // The call was told by its own stream, not by the end of the connection, which comes later or never.
    expect(running.surfaces()).toMatchObject([{ state: { kind: 'up' } }]);
  });

  it('knows that nothing happened where nothing was sent', async () => {
    const scripted = await script([{ name: 'echo' }]);
    const server = await startHttpServer(scripted);
    const running = await start({ s: http(server.url) });
    await server.close();
    await until(() => running.surfaces()[0]?.state.kind !== 'up', 'it is noticed');

    expect(await taken(running, 's.echo')).toMatchObject({ kind: 'transient', mayHaveHappened: false });
    expect(running.names()).toEqual(['s.echo']);

    const again = await startHttpServer(scripted, server.port);
    onTestFinished(again.close);
    await until(() => running.surfaces()[0]?.state.kind === 'up', 'it is connected again');
    expect(await running.call('s.echo', { n: 2 })).toBe('{"n":2}');
  });

  it('opens a new session when the server has forgotten the old one, and sends the call once', async () => {
    const scripted = await script([{ name: 'echo' }]);
    const server = await startHttpServer(scripted);
    onTestFinished(server.close);
    const running = await start({ s: http(server.url) });

    server.forget();

    expect(await running.call('s.echo', { n: 3 })).toBe('{"n":3}');
    expect(await scripted.seen()).toEqual(['call echo {"n":3}']);
  });

  it('does not hold the start: one that is down is logged, and its tools appear when it comes up', async () => {
    const scripted = await script([{ name: 'echo' }]);
    const first = await startHttpServer(scripted);
    const { port, url } = first;
    await first.close();
    const running = await start({ late: http(url), s: stdio(scripted) });

    expect(running.names()).toEqual(['s.echo']);
    expect(running.lines.join('\n')).toContain('MCP server late is down');

    const server = await startHttpServer(scripted, port);
    onTestFinished(server.close);
    await until(() => running.names().includes('late.echo'), 'its tools are there');
  });

  it('waits a bounded time for a server that says nothing', async () => {
    const began = Date.now();
    const running = await start({ mute: raw('setInterval(() => {}, 1000)') }, { startTimeoutMs: 500 });

    expect(Date.now() - began).toBeLessThan(5_000);
    expect(running.names()).toEqual([]);
  });

  it('names a command that is not there', async () => {
    const running = await start({ none: McpServerConfig.parse({ command: '/no/such/program' }) });

    expect(running.surfaces()).toMatchObject([{ state: { kind: 'down', error: expect.stringContaining('ENOENT') } }]);
  });
});

/** A server without an SDK: `reply(id, result)` and `line(text)` in `code`, which gets every request. */
const speaks = (code: string): string => `
  import { createInterface } from 'node:readline';
  const line = (text) => process.stdout.write(text + '\\n');
  const reply = (id, result) => line(JSON.stringify({ jsonrpc: '2.0', id, result }));
  const init = (id) => reply(id, { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } });
  const tools = (id) => reply(id, { tools: [{ name: 't', inputSchema: { type: 'object' } }] });
  createInterface({ input: process.stdin }).on('line', (text) => {
    const { id, method } = JSON.parse(text);
    if (id === undefined) return;
    ${code}
  });`;

const STANDARD = `if (method === 'initialize') return init(id); if (method === 'tools/list') return tools(id);`;

describe('broken speech', () => {
  it.each([
    {
      name: 'garbage in place of an answer',
      code: `for (let n = 0; n < 200; n++) line('# welcome');`,
      says: /no messages/,
    },
    { name: 'an answer of the wrong shape', code: `line('{"jsonrpc":"2.0","id":' + id + ',"result":17}');`, says: /./ },
    { name: 'a wrong id', code: `reply(9999, {});`, says: /timed out.*unknown message ID/i },
    {
      name: 'a wrong list',
      code: `if (method === 'initialize') return init(id); reply(id, { tools: 'many' });`,
      says: /tools/,
    },
    {
      name: 'a wrong version',
      code: `reply(id, { protocolVersion: '1', capabilities: {}, serverInfo: { name: 'x', version: '1' } });`,
      says: /version/,
    },
    { name: 'the end', code: `process.exit(3);`, says: /closed/i },
    { name: 'a huge message', code: `process.stdout.write('x'.repeat(17 * 1024 * 1024));`, says: /bytes/ },
  ])('$name is a clear reason, and nothing hangs', async ({ code, says }) => {
    const running = await start({ raw: raw(speaks(code)) }, { connectTimeoutMs: 3_000 });

    const [server] = running.surfaces();
    await until(() => running.surfaces()[0]?.state.kind === 'down', 'it is given up');
    expect(server).toBeDefined();
    expect(running.lines.join('\n')).toMatch(says);
    expect(running.names()).toEqual([]);
  });

  it('forgives a banner, and logs it', async () => {
    const running = await start({
      raw: raw(`console.log('Welcome!');${speaks(`${STANDARD} reply(id, { content: [] });`)}`),
    });

    expect(await running.call('raw.t')).toBe('');
    expect(running.lines.join('\n')).toMatch(/no message.*Welcome!/);
  });

  it.each([
    { name: 'an answer that is no result', code: `reply(id, 17);` },
    {
      name: 'a result that is no answer',
      code: `line(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: 'ECONNREFUSED' } }));`,
    },
    { name: 'the end of its output', code: `process.stdout.end(); setInterval(() => {}, 1000);` },
  ])('INVARIANT E3: $name leaves a call unknown', async ({ code }) => {
    const running = await start({ raw: raw(speaks(STANDARD + code), { timeout: '1s' }) });

    expect(await taken(running, 'raw.t')).toMatchObject({ mayHaveHappened: true });
  });

  it('takes a refused request for one that did nothing', async () => {
    const code = `line(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no such tool' } }));`;
    const running = await start({ raw: raw(speaks(STANDARD + code)) });

    expect(await taken(running, 'raw.t')).toMatchObject({ kind: 'permanent', mayHaveHappened: false });
  });
});

describe('a list that cannot be had again', () => {
  it('holds new calls back, and leaves those that run alone', async () => {
    const scripted = await script([{ name: 'slow', does: 'wait' }, { name: 'echo' }]);
    const running = await start({ s: stdio(scripted) }, { recheckMs: 0 });
    const slow = running.call('s.slow', {});
    await until(async () => (await scripted.seen()).length > 0, 'the call arrived');

    await scripted.become({ tools: [], endless: true });
    expect(await taken(running, 's.echo')).toMatchObject({ kind: 'transient', mayHaveHappened: false });

    expect(await slow).toBe('waited');
    await scripted.become({ tools: [{ name: 'slow', does: 'wait' }, { name: 'echo' }] });
    expect(await running.call('s.echo', { n: 1 })).toBe('{"n":1}');
  });
});

describe('what servers get and leave', () => {
  it('a child process has PATH, HOME and what is configured, and nothing of the worker', async () => {
    process.env['MCP_TEST_SECRET'] = 'sesame-open';
    onTestFinished(() => void delete process.env['MCP_TEST_SECRET']);
    const scripted = await script([{ name: 'env', does: 'env' }]);
    const running = await start({
      s: stdio(scripted, { env: { PLAIN: 'yes', TOKEN: { env: 'MCP_TEST_SECRET', prefix: 'Bearer ' } } }),
    });

    const env = JSON.parse(String(await running.call('s.env')));

    expect(Object.keys(env).toSorted()).toEqual(['HOME', 'PATH', 'PLAIN', 'TOKEN']);
    expect(env).toMatchObject({ PLAIN: 'yes', TOKEN: 'Bearer sesame-open' });
  });

  it('headers come from the environment and never show', async () => {
    process.env['MCP_TEST_SECRET'] = 'sesame-open';
    onTestFinished(() => void delete process.env['MCP_TEST_SECRET']);
    const result = { isError: true, content: [{ type: 'text', text: 'you sent sesame-open' }] };
    const scripted = await script([{ name: 'fails', does: { result } }]);
    const server = await startHttpServer(scripted);
    onTestFinished(server.close);
    const headers = { authorization: { env: 'MCP_TEST_SECRET', prefix: 'Bearer ' } };
    const running = await start({ s: http(server.url, { headers }) });
    const error = await running.call('s.fails').catch((error: unknown) => error);

    expect(server.headers.every(({ authorization }) => authorization === 'Bearer sesame-open')).toBe(true);
    expect(String(error)).toContain('you sent [redacted]');
    expect(running.lines.join('\n')).not.toContain('sesame-open');
  });

  it('refuses to start without a secret that is named, and starts nothing', async () => {
    const scripted = await script([]);
    const servers = { s: stdio(scripted), t: http('http://127.0.0.1:1', { headers: { a: { env: 'MCP_NOT_SET' } } }) };

    await expect(start(servers)).rejects.toThrow(/mcpServers\.t\.headers\.a.*MCP_NOT_SET/);
  });

  it('ends child processes with the worker, those that ignore the end of their input too', async () => {
    const folder = await makeFolder();
    const file = join(folder, 'pid');
    await writeFile(file, '');
    const stubborn = `
      import { writeFileSync } from 'node:fs';
      process.on('SIGTERM', () => {});
      writeFileSync(${JSON.stringify(file)}, String(process.pid));
      setInterval(() => {}, 1000);
      ${speaks(STANDARD)}`;
    const running = await start({ raw: raw(stubborn) });
    const pid = Number(await readFile(file, 'utf8'));

    await running.close();

    expect(pid).toBeGreaterThan(0);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it('child processes end when the worker is killed: their input ends', async () => {
    const scripted = await script([{ name: 'echo' }]);
    const program = `
      const { createMcpServers } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/tools/mcp/mcp-servers.ts'))});
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      await createMcpServers({ servers: { s: ${JSON.stringify(stdio(scripted))} }, pins: undefined, log });
      console.log('up');`;
    const worker = spawn(process.execPath, ['--input-type=module', '-e', program]);
    await once(worker.stdout, 'data');
    const children = await readFile(`/proc/${worker.pid}/task/${worker.pid}/children`, 'utf8');
    const pid = Number(children.trim().split(' ')[0]);
    expect(pid).toBeGreaterThan(0);

    worker.kill('SIGKILL');

    await until(() => !existsSync(`/proc/${pid}`), 'the server has ended');
  });

  it('speaks with servers of the newest protocol alone', async () => {
    const scripted = await script([{ name: 'echo' }]);
    const running = await start({ s: stdio(scripted, {}, 'modern-server.ts') });

    expect(await running.call('s.echo', { n: 4 })).toBe('{"n":4}');
    const server = await startModernHttpServer(scripted);
    onTestFinished(server.close);
    const overHttp = await start({ s: http(server.url) });
    expect(await overHttp.call('s.echo', { n: 5 })).toBe('{"n":5}');
  });
});
