import { generateKeyPairSync } from 'node:crypto';
import type { JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import type { DecisionToSign } from '../../src/signers/sign.ts';
import { ana, asked, eve, signed, startKeyServer, verifierOf } from './support.ts';

const sso = await createKeyPair('sso');
const newer = await createKeyPair('sso');

/** What an approval service signs after it has seen who is there. */
const approved = (more: Partial<DecisionToSign> = {}): Promise<string> =>
  signed({ issuer: 'sso', subject: 'ben', key: sso.privateKey, claims: { roles: ['treasurer'] }, ...more });

const setUp = async (more: Record<string, unknown> = {}) => {
  const server = await startKeyServer([sso.publicKey]);
  return { ...server, verifier: verifierOf([{ issuer: 'sso', jwks: server.url, ...more }]) };
};

const unavailable = expect.objectContaining({ type: 'Signer.Unavailable', nonRetryable: false });

describe('a service that signs for many', () => {
  it('names who decided and what they are; its keys are fetched once', async () => {
    const { verifier, state } = await setUp();

    expect(await verifier(asked(await approved()))).toEqual({
      ok: true,
      by: 'ben',
      issuer: 'sso',
      roles: ['treasurer'],
    });
    expect(await verifier(asked(await approved({ subject: 'eva', claims: {} })))).toMatchObject({
      by: 'eva',
      roles: [],
    });
    expect(state.asked).toBe(1);
  });

  it('may hold roles and tenant in claims of other names', async () => {
    const { verifier } = await setUp({ rolesClaim: 'https://acme.example/groups', tenantClaim: 'org' });
    const token = await approved({ claims: { 'https://acme.example/groups': ['boss'], roles: ['no'], org: 'acme' } });

    expect(await verifier(asked(token, { tenant: 'acme' }))).toMatchObject({ ok: true, roles: ['boss'] });
    expect(await verifier(asked(token, { tenant: 'other' }))).toMatchObject({ ok: false });
    expect(await verifier(asked(token))).toMatchObject({ ok: false });
  });

  it('INVARIANT A3: a token that lacks the tenant where there has to be one is refused', async () => {
    const { verifier } = await setUp({ tenantClaim: 'org' });

    expect(await verifier(asked(await approved(), { tenant: 'acme' }))).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('lacks the claim "org"'),
    });
  });

  it.each([['treasurer'], [{ treasurer: true }], [[1]], [Array.from({ length: 201 }, () => 'x')]])(
    'roles that are no short list of texts are refused: %j',
    async (roles) => {
      const { verifier } = await setUp();

      expect(await verifier(asked(await approved({ claims: { roles } })))).toMatchObject({ ok: false });
    },
  );

  it.each(['', ' ben', 'ben\n', 'be\u200bn', 'b\u202een', 'be\u0301n', 'x'.repeat(201)])(
    'INVARIANT A3: a subject that does not mean one name to who reads it is refused: %j',
    async (subject) => {
      const { verifier } = await setUp();

      expect(await verifier(asked(await approved({ subject })))).toMatchObject({ ok: false });
    },
  );

  it('INVARIANT A3: subjects that are agents do not decide', async () => {
    const { verifier } = await setUp({ agents: ['svc-*'] });

    expect(await verifier(asked(await approved({ subject: 'SVC-refunds' })))).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('an agent does not decide'),
    });
    expect(await verifier(asked(await approved({ claims: { agent: true } })))).toMatchObject({ ok: false });
    expect(await verifier(asked(await approved({ claims: { act: { sub: 'svc-refunds' } } })))).toMatchObject({
      ok: false,
    });
  });

  it('INVARIANT A3: one signer cannot speak as another one', async () => {
    const server = await startKeyServer([sso.publicKey]);
    const verifier = verifierOf([
      { issuer: 'sso', jwks: server.url },
      { issuer: 'ana', publicKey: ana.publicKey as { kty: 'OKP' } },
    ]);

    expect(await verifier(asked(await approved({ issuer: 'ana', subject: 'ana' })))).toMatchObject({ ok: false });
    expect(await verifier(asked(await signed({ issuer: 'sso', subject: 'ben' })))).toMatchObject({ ok: false });
    expect(await verifier(asked(await signed({ subject: 'ben' })))).toMatchObject({ ok: false });
  });
});

describe('keys of a service', () => {
  it('that cannot be had are waited for: nothing is refused over it', async () => {
    const { verifier, stop, start } = await setUp();
    const token = await approved();
    await stop();

    await expect(verifier(asked(token))).rejects.toEqual(unavailable);
    await start();
    expect(await verifier(asked(token))).toMatchObject({ ok: true });
  });

  it.each([
    ['an error', { status: 503 }],
    ['a redirect', { status: 302 }],
    ['no JSON', { body: '<html>' }],
    ['no keys', { body: '{"error":"busy"}' }],
    ['more than anybody needs', { body: `{"keys":[],"x":"${'x'.repeat(600_000)}"}` }],
  ])('that answers with %s counts as away', async (_, answer) => {
    const { verifier, state } = await setUp();
    const before = { ...state };
    Object.assign(state, answer);

    await expect(verifier(asked(await approved()))).rejects.toEqual(unavailable);
    Object.assign(state, before);
    expect(await verifier(asked(await approved()))).toMatchObject({ ok: true });
  });

  it('that never answers are given up within seconds', async () => {
    const { verifier, state } = await setUp();
    state.isSilent = true;

    await expect(verifier(asked(await approved()))).rejects.toEqual(unavailable);
  }, 10_000);

  it('are kept while the service is away', async () => {
    const { verifier, stop } = await setUp();
    await verifier(asked(await approved()));
    await stop();

    expect(await verifier(asked(await approved()))).toMatchObject({ ok: true });
  });

  it('are looked up again for a key that is new, also right after the last look', async () => {
    const { verifier, state } = await setUp();
    await verifier(asked(await approved()));
    state.keys = [newer.publicKey];

    expect(await verifier(asked(await approved({ key: newer.privateKey })))).toMatchObject({ ok: true });
    expect(await verifier(asked(await approved()))).toMatchObject({ ok: false });
  });

  it('are asked for at most once a second, however many tokens name keys that are not there', async () => {
    const { verifier, state } = await setUp();
    await verifier(asked(await approved()));
    const token = await approved({ key: { ...eve.privateKey, kid: 'none' } });

    const all = await Promise.all(Array.from({ length: 30 }, () => verifier(asked(token))));

    expect(all.every(({ ok }) => !ok)).toBe(true);
    expect(state.asked).toBe(2);
  });

  it('INVARIANT A3: another key under the same kid is refused', async () => {
    const { verifier } = await setUp();
    const key = { ...eve.privateKey, kid: sso.publicKey.kid ?? '' };

    expect(await verifier(asked(await approved({ key })))).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('sso did not sign it'),
    });
  });

  it('without a kid are tried in turn', async () => {
    const bare = ({ kid: _, ...key }: JWK): JWK => key;
    const { verifier, state } = await setUp();
    state.keys = [bare(eve.publicKey), bare(sso.publicKey)];

    expect(await verifier(asked(await approved({ key: bare(sso.privateKey) })))).toMatchObject({ ok: true });
    expect(await verifier(asked(await approved({ key: bare(newer.privateKey) })))).toMatchObject({ ok: false });
  });

  it.each([
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0', kid: 'x' }],
    [
      'a short RSA key',
      { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), kid: 'x' },
    ],
    ['a broken key', { kty: 'OKP', crv: 'Ed25519', x: 'AA', kid: 'x' }],
    ['a key for encryption', { ...sso.publicKey, use: 'enc', kid: 'x' }],
    ['a private key', { ...sso.privateKey, kid: 'x' }],
  ])('that cannot prove anything are refused: %s', async (_, key) => {
    const { verifier, state } = await setUp();
    state.keys = [key];

    expect(await verifier(asked(await approved({ key: { ...sso.privateKey, kid: 'x' } })))).toMatchObject({
      ok: false,
    });
  });
});
