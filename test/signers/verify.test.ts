import { createHmac, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import type { JWK } from 'jose';
import { describe, expect, it, vi } from 'vitest';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { createVerifier } from '../../src/signers/verify.ts';
import { ana, anaVerifier, asked, claims, eve, pending, signClaims, signed, silent, verifierOf } from './support.ts';

const HOUR = 3_600;
const now = () => Math.floor(Date.now() / 1_000);
const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const refusal = async (token: string, more: Parameters<typeof asked>[1] = {}): Promise<string> => {
  const verified = await anaVerifier()(asked(token, more));
  return verified.ok ? 'it counts' : verified.refusal;
};

const pairOf = (type: 'ec' | 'rsa', options: { namedCurve?: string; modulusLength?: number }) => {
  const pair = generateKeyPairSync(type as 'rsa', { modulusLength: 2048, ...options });
  return { privateKey: pair.privateKey.export({ format: 'jwk' }), publicKey: pair.publicKey.export({ format: 'jwk' }) };
};

describe('a signed decision', () => {
  it('says who decided, by whose word, and what they are by the host’s word', async () => {
    expect(await anaVerifier()(asked(await signed()))).toEqual({
      ok: true,
      by: 'ana',
      issuer: 'ana',
      roles: ['treasurer'],
    });
  });

  it('counts for another worker and again: nothing is remembered here', async () => {
    const token = await signed();

    for (const verifier of [anaVerifier(), anaVerifier()]) {
      expect(await verifier(asked(token))).toMatchObject({ ok: true });
      expect(await verifier(asked(token))).toMatchObject({ ok: true });
    }
  });

  it.each([
    ['ec', { namedCurve: 'P-256' }],
    ['ec', { namedCurve: 'P-384' }],
    ['ec', { namedCurve: 'P-521' }],
    ['rsa', { modulusLength: 2048 }],
  ] as const)('may be signed with a key of the kind %s %o', async (type, options) => {
    const pair = pairOf(type, options);
    const verifier = verifierOf([{ issuer: 'ana', publicKey: pair.publicKey as { kty: 'EC' } }]);

    expect(await verifier(asked(await signed({ key: pair.privateKey as JWK })))).toMatchObject({ ok: true, roles: [] });
  });

  it('may be signed with a key in PEM', async () => {
    const pair = generateKeyPairSync('ed25519');
    const publicKey = pair.publicKey.export({ format: 'jwk' }) as { kty: 'OKP' };
    const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

    expect(await verifierOf([{ issuer: 'ana', publicKey }])(asked(await signed({ key })))).toMatchObject({ ok: true });
  });
});

describe('INVARIANT A3: what is no proof is refused', () => {
  it('a signature by another key, also under the same kid and issuer', async () => {
    const forged = { ...eve.privateKey, kid: ana.publicKey.kid ?? '' };

    expect(await refusal(await signed({ key: forged }))).toContain('ana did not sign it');
  });

  it('a payload under somebody else’s signature', async () => {
    const [head, , signature] = (await signed()).split('.');

    expect(await refusal(`${head}.${base64({ ...claims(), sub: 'ana' })}.${signature}`)).toContain('did not sign it');
  });

  it('no signature, and a signature with the public key as a shared secret', async () => {
    const secrets = [JSON.stringify(ana.publicKey), ana.publicKey.x ?? '', ana.publicKey.kid ?? ''];
    const body = base64(claims());
    const mac = (secret: string): string => {
      const head = `${base64({ alg: 'HS256' })}.${body}`;
      return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
    };

    for (const token of [
      `${base64({ alg: 'none' })}.${body}.`,
      `${base64({ alg: 'NONE' })}.${body}.`,
      ...secrets.map(mac),
    ]) {
      expect(await refusal(token)).toContain('it has to be signed with EdDSA');
    }
  });

  it('a key that comes with the token', async () => {
    const token = await signClaims(claims(), { key: eve.privateKey, header: { jwk: eve.publicKey } });

    expect(await refusal(token)).toContain('did not sign it');
  });

  it('an extension that nobody here understands', async () => {
    const [, body = '', signature = ''] = (await signed()).split('.');

    const head = base64({ alg: 'EdDSA', crit: ['exp2'], exp2: 1 });
    expect(await refusal(`${head}.${body}.${signature}`)).toContain('did not sign it');
  });

  it.each([
    ['another namespace', { aud: 'holdfast:other' }, 'another namespace: its audience has to be "holdfast:default"'],
    ['no audience', { aud: undefined }, 'its audience has to be "holdfast:default"'],
    ['another task: a replay', { task: 'refund-18' }, 'for another task'],
    ['another life of the task', { epoch: 'run-0' }, 'an earlier life'],
    ['another question', { id: 's4.c1-aaaa' }, 'for another question'],
    ['another digest', { digest: 'sha256:00' }, 'has changed since'],
    ['another decision', { decision: 'deny' }, 'for another decision'],
    ['other words or arguments', { content: 'sha256:00' }, 'exactly what was signed'],
    ['no question', { id: undefined }, 'lacks the claim "id"'],
    ['a question that is no text', { id: [pending.id] }, 'lacks the claim "id"'],
    ['somebody else', { sub: 'ben' }, 'speaks for somebody else'],
    ['nobody', { sub: undefined }, 'lacks the claim "sub"'],
    ['a stranger', { iss: 'mallory' }, 'its issuer "mallory" is not configured'],
    ['no issuer', { iss: undefined }, 'does not name its issuer'],
    ['no expiry', { exp: undefined }, 'lacks the claim "exp"'],
    ['no time of signing', { iat: undefined }, 'lacks the claim "iat"'],
    ['an expiry that is no number', { exp: '2099' }, 'claim "exp" does not fit'],
    ['a time that has passed', { iat: now() - 2 * HOUR, exp: now() - 61 }, 'has expired'],
    ['a far future', { iat: now() + 2 * HOUR, exp: now() + 3 * HOUR }, 'signed in the future'],
    ['a time that has not begun', { nbf: now() + HOUR }, 'claim "nbf" does not fit'],
    ['more than a day', { exp: now() + 24 * HOUR + 60 }, 'longer than 24 hours'],
    ['an agent', { agent: true }, 'an agent does not decide'],
    ['an agent in other words', { agent: 'yes' }, 'an agent does not decide'],
    ['an actor in somebody’s place', { act: { sub: 'bot' } }, 'acts for somebody else'],
  ])('a token of %s', async (_, change, words) => {
    expect(await refusal(await signClaims({ ...claims(), ...change }))).toContain(words);
  });

  it('other words, arguments or scope than those that were signed', async () => {
    const token = await signed({ content: { args: { amount: 20 }, text: 'half', scope: 'values', same: ['/to'] } });

    expect(await refusal(token)).toContain('exactly what was signed');
  });

  it.each([
    ['nothing', ''],
    ['a word', 'yes'],
    ['dots', '..'],
    ['garbage of three parts', 'a.b.c'],
    ['an encrypted token', `${base64({ alg: 'dir', enc: 'A256GCM' })}.a.b.c.d`],
    ['a list', `${base64({ alg: 'EdDSA' })}.${base64([1])}.c`],
    ['a header that is no object', `${base64(1)}.${base64({ iss: 'ana' })}.c`],
    ['a megabyte', `e30.${'a'.repeat(1_000_000)}.c`],
  ])('%s in the place of a token', async (_, token) => {
    const words = await refusal(token);

    expect(words).toContain('the signed decision does not count');
    expect(words.includes('too long')).toBe(token.length > 8_192);
    expect(words.length).toBeLessThan(300);
  });

  it('any claim that is changed, added to or left out', async () => {
    const verifier = anaVerifier();
    const names = Object.keys(claims()).filter((name) => name !== 'iat' && name !== 'exp');
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.jsonValue(), async (name, value) => {
        const original = claims();
        // An audience may be a list.
        fc.pre(JSON.stringify([value].flat()) !== JSON.stringify([original[name]]));
        const token = await signClaims({ ...original, [name]: value });
        expect(await verifier(asked(token))).toMatchObject({ ok: false });
      }),
    );
  });

  it('any text, without throwing', async () => {
    const verifier = anaVerifier();
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await verifier(asked(parts.join('.')))).toMatchObject({ ok: false });
      }),
    );
  });

  it('any token where the input names something else', async () => {
    const token = await signed();

    for (const more of [
      { taskId: 'x' },
      { epoch: 'x' },
      { id: 'x' },
      { digest: 'sha256:1' as const },
      { decision: 'deny' as const },
    ]) {
      expect(await anaVerifier()(asked(token, more))).toMatchObject({ ok: false });
    }
  });
});

describe('clocks', () => {
  it('may be a minute apart, and no more', async () => {
    const late = await signClaims({ ...claims(), iat: now() - HOUR, exp: now() - 50 });
    const early = await signClaims({ ...claims(), iat: now() + 50, exp: now() + HOUR });

    expect(await refusal(late)).toBe('it counts');
    expect(await refusal(early)).toBe('it counts');
  });
});

describe('tenants', () => {
  it('a key of one tenant decides nothing about tasks of another one, nor of none', async () => {
    const verifier = anaVerifier({ tenant: 'acme' });
    const token = await signed();

    expect(await verifier(asked(token, { tenant: 'acme' }))).toMatchObject({ ok: true });
    expect(await verifier(asked(token, { tenant: 'other' }))).toMatchObject({ ok: false });
    expect(await verifier(asked(token))).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('another tenant'),
    });
  });
});

describe('agents', () => {
  it('INVARIANT A3: never decide, however their name is written and whoever signs for them', async () => {
    const bot = await createKeyPair('bot');
    const signers = [{ issuer: 'Bot', publicKey: bot.publicKey as { kty: 'OKP' } }];
    const token = await signed({ issuer: 'Bot', key: bot.privateKey });

    expect(await verifierOf(signers)(asked(token))).toMatchObject({ ok: true });
    expect(await verifierOf(signers, { agents: ['bot'] })(asked(token))).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('an agent does not decide'),
    });
  });
});

describe('what is logged and said', () => {
  it('never holds the token, and no more of a claim than a few characters without hidden ones', async () => {
    const info = vi.fn();
    const verifier = createVerifier([{ issuer: 'ana', publicKey: ana.publicKey as never }], {
      namespace: 'default',
      folder: '.',
      log: { ...silent, info },
    });
    const token = await signClaims({ ...claims(), iss: `evil\u202e\u0007${'x'.repeat(3_000)}` });

    const verified = await verifier(asked(token));

    const said = JSON.stringify([verified, info.mock.calls]);
    expect(info).toHaveBeenCalledOnce();
    expect(said).not.toContain(token.slice(0, 20));
    for (const hidden of ['\u202e', '\u0007', 'x'.repeat(60)]) expect(said).not.toContain(hidden);
  });

  it('says so where no signers are configured', async () => {
    expect(await verifierOf([])(asked(await signed()))).toMatchObject({
      refusal: expect.stringContaining('no signers are configured'),
    });
  });
});
