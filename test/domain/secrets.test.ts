import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactorFor, redactSecretShapes, secretValues } from '../../src/domain/secrets.ts';

const digits = '0123456789'.repeat(10);
const mixed = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7'.repeat(8);

/** Put together here, so that no scanner takes this file for a leak. */
const SHAPES = [
  { kind: 'aws key', secret: `AKIA${'IOSFODNN7EXAMPLE'.replaceAll(/[0189]/g, 'B')}` },
  { kind: 'github token', secret: `ghp_${mixed.slice(0, 36)}` },
  { kind: 'github token', secret: `github_pat_${mixed.slice(0, 22)}_${mixed.slice(0, 59)}` },
  { kind: 'gitlab token', secret: `glpat-${mixed.slice(0, 20)}` },
  { kind: 'slack token', secret: `xoxb-${digits.slice(0, 12)}-${mixed.slice(0, 24)}` },
  { kind: 'api key', secret: `sk-${mixed.slice(0, 48)}` },
  { kind: 'api key', secret: `sk-proj-${mixed.slice(0, 30)}_-${mixed.slice(0, 30)}` },
  { kind: 'api key', secret: `sk-ant-api03-${mixed.slice(0, 80)}` },
  { kind: 'stripe key', secret: `sk_live_${mixed.slice(0, 24)}` },
  { kind: 'google key', secret: `AIza${mixed.slice(0, 35)}` },
  { kind: 'npm token', secret: `npm_${mixed.slice(0, 36)}` },
  { kind: 'hugging face token', secret: `hf_${mixed.slice(0, 34)}` },
  { kind: 'sendgrid key', secret: `SG.${mixed.slice(0, 22)}.${mixed.slice(0, 43)}` },
  { kind: 'telegram token', secret: `${digits.slice(0, 9)}:AA${mixed.slice(0, 33)}` },
  { kind: 'vault token', secret: `hvs.${mixed.slice(0, 30)}` },
  { kind: 'jwt', secret: `eyJhbGciOiJIUzI1NiJ9.eyJ${mixed.slice(0, 30)}.${mixed.slice(0, 43)}` },
] as const;

describe('what looks like a secret', () => {
  it.each(SHAPES)('is redacted: $kind', ({ kind, secret }) => {
    for (const [before, after] of [
      ['', ''],
      ['key=', '\n'],
      ['{"a":"', '"}'],
      ['(', ')'],
      ['see: ', ', ok'],
    ]) {
      expect(redactSecretShapes(`${before}${secret}${after}`)).toBe(`${before}[redacted: ${kind}]${after}`);
    }
  });

  it.each([
    { text: 'postgres://app:s3cr3t@db:5432/x', clean: 'postgres://app:[redacted: password]@db:5432/x' },
    { text: 'amqp://u:p@ss@host', clean: 'amqp://u:[redacted: password]@host' },
    { text: 'redis://:only-a-password@host/0', clean: 'redis://:[redacted: password]@host/0' },
    { text: `Authorization: Bearer ${mixed.slice(0, 30)}`, clean: 'Authorization: Bearer [redacted: bearer token]' },
    { text: `{"authorization":"Basic dXNlcjpwYXNz"}`, clean: '{"authorization":"Basic [redacted: credentials]"}' },
    {
      text: `aws_secret_access_key = ${mixed.slice(0, 40)}`,
      clean: 'aws_secret_access_key = [redacted: aws secret key]',
    },
    { text: 'https://x.com/?access_token=abcdef&b=1', clean: 'https://x.com/?access_token=[redacted: token]&b=1' },
    {
      text: 'a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nb',
      clean: 'a\n[redacted: private key]\nb',
    },
    { text: '"-----BEGIN PRIVATE KEY-----\\nMIIE\\nabc', clean: '"[redacted: private key]' },
  ])('is redacted, and what stands around it stays: $clean', ({ text, clean }) => {
    expect(redactSecretShapes(text)).toBe(clean);
  });

  it.each([
    'order sk-17 and disk-partition-of-the-server',
    'see https://example.com:8080/a@b and mailto:ana@example.com',
    'a bearer of authorization-documents',
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    '550e8400-e29b-41d4-a716-446655440000',
    'commit 3f786850e387550fdab836ed7e6dc881de23001b',
    'the SG.team, AKIA, ghp_ and eyJ prefixes',
    '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  ])('is not seen in ordinary text: %s', (text) => {
    expect(redactSecretShapes(text)).toBe(text);
  });
});

describe('a known secret', () => {
  const secret = 'c0rrect/horse+battery "staple"';
  const redact = redactorFor([secret, 'abc']);

  it.each([
    { name: 'as it is', text: secret },
    { name: 'in JSON', text: JSON.stringify({ a: secret }) },
    { name: 'in a URL', text: `https://x.com/${encodeURIComponent(secret)}` },
    { name: 'in a form', text: `a=${new URLSearchParams({ a: secret }).toString()}` },
    { name: 'in hexadecimal', text: Buffer.from(secret).toString('hex') },
    { name: 'in base64', text: Buffer.from(secret).toString('base64') },
    { name: 'in base64 after one byte', text: Buffer.from(`:${secret}`).toString('base64') },
    { name: 'in base64 after a name', text: Buffer.from(`user:${secret}`).toString('base64') },
    { name: 'in base64 for URLs', text: Buffer.from(`ab${secret}xyz`).toString('base64url') },
  ])('is redacted $name', ({ text }) => {
    expect(redact(text)).toContain('[redacted: known secret]');
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex')]) {
      expect(redact(text)).not.toContain(form);
    }
  });

  it('is redacted wherever it stands, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.string(), fc.string(), (value, before, after) => {
        fc.pre(value.trim().length >= 6 && !'[redacted: known secret]'.includes(value.trim()));
        expect(redactorFor([value])(`${before}${value}${after}`)).toContain('[redacted: known secret]');
      }),
    );
  });

  it('that begins with another one leaves nothing of itself behind', () => {
    expect(redactorFor(['secret-1', 'secret-1-and-more'])('x secret-1-and-more')).toBe('x [redacted: known secret]');
  });

  it('is ignored when it is so short that it stands in any text', () => {
    expect(redact('abc')).toBe('abc');
  });

  it('is told from other values of an environment by its name', () => {
    expect(
      secretValues({ NODE_ENV: 'production', API_KEY: 'k-1', DB_PASSWORD: 'p-1', HOME: '/root', NONE: undefined }),
    ).toEqual(['k-1', 'p-1']);
  });
});

describe('hostile texts', () => {
  it.each([
    '-eyJ',
    '.eyJaaaaaaaaaaa',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY-----\nA\n-----END X',
    '://a:',
    '://:aaaa@',
    'bearer ',
    'authorization: basic ',
    'sk-proj-',
    'AKIA',
    'SG.',
    '?password=',
    'xoxb-1',
    'akia ghp_ sk- eyj bearer :// xox npm_ hf_ sg. ',
  ])('take linear time: 1 MB of %j', (unit) => {
    const redact = redactorFor(['some-secret-value']);
    const text = unit.repeat(2 ** 20 / unit.length);
    const startedAt = performance.now();

    redact(text);

    // Some tens of milliseconds on a quiet machine; a pattern that goes back takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
