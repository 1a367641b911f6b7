import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { Webhooks } from '../../src/domain/schemas/webhooks.ts';
import { send } from '../../src/notify/send.ts';
import { until } from '../support/waiting.ts';
import { deadUrl, makeEndpoint, SECRET, startReceiver } from './support.ts';

const page = await readFile(new URL('../../docs/notifications.md', import.meta.url), 'utf8');
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, code = '']) => code);

const delivery = { id: 'msg_1', endpoint: 'ops', body: '{"type":"t","data":{"taskId":"a"}}', attempts: 0, ageMs: 0 };
const never = new AbortController().signal;

describe('docs/notifications.md', () => {
  it('shows a configuration that holds', () => {
    expect(Webhooks.safeParse((parse(blocks('yaml')[0] ?? '') as { webhooks: unknown }).webhooks).success).toBe(true);
  });

  it('shows a receiver that takes what is signed, once, and nothing else', async () => {
    const [code = ''] = blocks('js');
    const url = await deadUrl();
    const child = spawn(execPath, ['--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { PORT: new URL(url).port, OPS_WEBHOOK_SECRET: SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await until(async () => ((await fetch(url).catch(() => undefined)) === undefined ? undefined : true), 'it listens');

    for (const _ of [1, 2]) expect(await send(makeEndpoint(url), delivery, never)).toEqual({ kind: 'delivered' });
    const forged = makeEndpoint(url, { key: new Uint8Array(32) });
    expect(await send(forged, { ...delivery, id: 'msg_2' }, never)).toMatchObject({ error: 'answered with 400' });

    await until(() => printed || undefined, 'it has printed');
    expect(printed).toBe('t a\n');
  });

  it('shows how to verify by hand', async () => {
    const [, code = ''] = blocks('js');
    const url = `data:text/javascript,${encodeURIComponent(`${code}\nexport { isGenuine };`)}`;
    const { isGenuine } = (await import(/* @vite-ignore */ url)) as {
      isGenuine: (headers: Record<string, string>, body: string, secret: string) => boolean;
    };
    const receiver = await startReceiver();
    await send(makeEndpoint(receiver.url), delivery, never);
    const [got] = receiver.received;
    if (got === undefined) throw new Error('nothing came');
    const { headers, body } = got;

    expect(isGenuine(headers, body, SECRET)).toBe(true);
    expect(isGenuine(headers, `${body} `, SECRET)).toBe(false);
    expect(isGenuine(headers, body, `${SECRET.slice(0, -8)}AAAAAAA=`)).toBe(false);
    for (const time of [undefined, '', 'now', '0']) {
      expect(isGenuine({ ...headers, 'webhook-timestamp': time as string }, body, SECRET)).toBe(false);
    }
    expect(isGenuine({ ...headers, 'webhook-signature': 'v1,' }, body, SECRET)).toBe(false);
    expect(
      isGenuine({ ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` }, body, SECRET),
    ).toBe(true);
  });
});
