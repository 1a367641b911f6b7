import { describe, expect, it } from 'vitest';
import { defineConfig } from '../../src/config.ts';
import { buildEndpoints } from '../../src/notify/endpoint.ts';

const hook = { name: 'ops', url: 'https://ops.example/hooks', secret: { env: 'OPS' } };
const configOf = (...webhooks: object[]) =>
  defineConfig({ models: { default: { model: 'm' } }, agents: {}, webhooks: webhooks as never });

describe('webhooks', () => {
  it('are told of what a person waits for, within ten seconds, where nothing else is said', () => {
    const [endpoint] = buildEndpoints(configOf(hook).webhooks ?? [], () => 'a secret of 24 bytes or so');

    expect(endpoint).toMatchObject({
      name: 'ops',
      events: ['asked', 'reminded', 'escalated', 'expired', 'decided'],
      timeoutMs: 10_000,
    });
  });

  it.each([
    ['http beyond this machine', { url: 'http://ops.example' }, 'use https'],
    ['something that only begins like localhost', { url: 'http://localhost.evil.example' }, 'use https'],
    ['no web address', { url: 'ftp://ops.example' }, 'https'],
    ['no URL', { url: 'ops' }, 'https'],
    ['a password in the URL', { url: 'https://ann:pw@ops.example' }, 'signed'],
    ['a secret that stands there', { secret: 'whsec_abc' }, 'variable'],
    ['an event that there is not', { events: ['approved'] }, 'events'],
    ['no events', { events: [] }, 'events'],
    ['a name with blanks', { name: 'my ops' }, 'letters'],
    ['half an hour for one attempt', { timeout: '30m' }, '30s'],
    ['a time-out that is none', { timeout: 'soon' }, 'webhooks.0.timeout: expected a duration'],
    ['a link to somewhere else than the web', { uiUrl: 'javascript:alert(1)' }, 'https'],
  ])('refuse %s', (_, over, words) => {
    expect(() => configOf({ ...hook, ...over })).toThrow(words);
  });

  it('refuse a name that stands twice', () => {
    expect(() => configOf(hook, hook)).toThrow('stands twice');
  });

  it.each(['http://localhost:8080/x', 'http://127.0.0.1', 'http://[::1]:80'])('take %s', (url) => {
    expect(configOf({ ...hook, url }).webhooks?.[0]?.url).toBe(url);
  });

  it.each([
    ['short', '24 are the least'],
    ['whsec_c2hvcnQ=', '24 are the least'],
    ['whsec_%%%', 'not base64'],
  ])('refuse the secret %s, without repeating it', (secret, words) => {
    const build = () => buildEndpoints(configOf(hook).webhooks ?? [], () => secret);

    expect(build).toThrow(words);
    expect(build).not.toThrow(secret);
  });
});
