import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, defineConfig } from '../../src/config.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { ana, asked, pending, signed, verifierOf } from './support.ts';

const makeFolder = async (files: Record<string, string>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-keys-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
};

const inFile = async (text: string, kind: 'publicKey' | 'jwks' = 'publicKey') => {
  const folder = await makeFolder({ key: text });
  return () => verifierOf([{ issuer: 'ana', [kind]: { file: 'key' } } as never], { folder });
};

const ed25519 = generateKeyPairSync('ed25519');
const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 });
const x25519 = generateKeyPairSync('x25519');
const pem = (key: { export: (as: never) => unknown }, type: 'spki' | 'pkcs8'): string =>
  String(key.export({ type, format: 'pem' } as never));
const jwk = (key: { export: (as: never) => unknown }): string => JSON.stringify(key.export({ format: 'jwk' } as never));

describe('key files', () => {
  it('are found from the folder of the configuration, as JWK, PEM or a set of keys', async () => {
    const token = await signed();
    const byPem = await signed({ key: pem(ed25519.privateKey, 'pkcs8') });

    expect(await (await inFile(JSON.stringify(ana.publicKey)))()(asked(token))).toMatchObject({ ok: true });
    expect(await (await inFile(pem(ed25519.publicKey, 'spki')))()(asked(byPem))).toMatchObject({ ok: true });
    const set = await inFile(JSON.stringify({ keys: [ana.publicKey] }), 'jwks');
    expect(await set()(asked(token))).toMatchObject({ ok: true });
    expect(await set()(asked(byPem))).toMatchObject({ ok: false });
  });

  it.each([
    ['a private JWK', JSON.stringify(ana.privateKey), /approvals\.signers\.0\.publicKey: this is a private key/],
    ['a private PEM', pem(ed25519.privateKey, 'pkcs8'), /this is a private key. Make a new one/],
    ['a short RSA key', jwk(rsa1024.publicKey), /1024 bits is too short/],
    ['a short RSA key in PEM', pem(rsa1024.publicKey, 'spki'), /1024 bits is too short/],
    ['a key that does not sign', jwk(x25519.publicKey), /has to be Ed25519/],
    ['a shared secret', '{"kty":"oct","k":"c2VjcmV0"}', /has to be Ed25519/],
    ['a key of a shared algorithm', JSON.stringify({ ...ana.publicKey, alg: 'HS256' }), /cannot sign/],
    ['half a key', '{"kty":"OKP","crv":"Ed25519","x":"AA"}', /the key cannot be used/],
    ['a text', 'ssh-ed25519 AAAA', /expected a JWK \(JSON\) or PEM/],
    ['nothing', '', /expected a JWK/],
  ])('with %s are refused, and nothing of them is told', async (_, text, message) => {
    const build = await inFile(text);

    expect(build).toThrow(ConfigError);
    expect(build).toThrow(message);
    expect(() => build()).not.toThrow(ana.privateKey.d ?? 'none');
  });

  it.each([
    ['no keys', '{"keys":[]}', /it holds no key/],
    ['one key', JSON.stringify(ana.publicKey), /no set of public keys/],
    ['private keys', JSON.stringify({ keys: [ana.privateKey] }), /keys\[0\]: this is a private key/],
  ])('of a set with %s are refused', async (_, text, message) => {
    expect(await inFile(text, 'jwks')).toThrow(message);
  });

  it('that are not there say where they were looked for', async () => {
    const folder = await makeFolder({});

    expect(() => verifierOf([{ issuer: 'ana', publicKey: { file: 'ana.pub' } }], { folder })).toThrow(
      new RegExp(`approvals.signers.0.publicKey: the file ${folder}/ana.pub cannot be read`),
    );
  });
});

describe('signers in a configuration', () => {
  const define = (approvals: unknown) =>
    defineConfig({ models: { default: { model: 'm' } }, agents: [], approvals } as Parameters<typeof defineConfig>[0]);

  it.each([
    [{ issuer: 'a', publicKey: ana.privateKey }, 'signers.0.publicKey.d: this is the private key'],
    [{ issuer: 'a', publicKey: { kty: 'oct', k: 'x' } }, 'signers.0.publicKey.kty: expected a public key that signs'],
    [{ issuer: 'a', jwks: 'http://sso.example.com/keys' }, 'signers.0.jwks: expected https://'],
    [{ issuer: 'a', jwks: 'https://me:secret@sso.example.com/keys' }, 'signers.0.jwks: expected https://'],
    [{ issuer: 'a', jwks: 'file:///etc/keys' }, 'signers.0.jwks: expected https://'],
    [{ issuer: 'a', jwks: 'keys.json' }, 'signers.0.jwks'],
    [
      { issuer: 'a', jwks: 'http://localhost/k', tenant: 'x', tenantClaim: 'y' },
      'give tenant or tenantClaim, not both',
    ],
    [{ issuer: 'a', jwks: 'http://localhost/k', publicKey: ana.publicKey }, 'signers.0'],
    [{ issuer: '', publicKey: ana.publicKey }, 'signers.0.issuer'],
    [{ issuer: 'a\u0007', publicKey: ana.publicKey }, 'signers.0.issuer: a name has no control characters'],
    [{ issuer: 'a' }, 'signers.0: expected issuer with either publicKey (a person) or jwks (a service)'],
    [{ issuer: 'a', publicKey: { file: 'a' }, role: ['x'] }, 'signers.0: Unrecognized key: "role"'],
  ])('%j is refused with its path', (signer, message) => {
    expect(() => define({ signers: [signer] })).toThrow(ConfigError);
    expect(() => define({ signers: [signer] })).toThrow(message);
  });

  it('have issuers of their own', () => {
    const signers = [
      { issuer: 'ana', publicKey: ana.publicKey },
      { issuer: 'ana', jwks: 'https://sso.example.com/keys' },
    ];

    expect(() => define({ signers })).toThrow('approvals.signers.1.issuer: the issuer "ana" stands twice');
  });

  it('are at most a hundred', () => {
    const signers = Array.from({ length: 101 }, (_, n) => ({ issuer: `i${n}`, publicKey: ana.publicKey }));

    expect(() => define({ signers })).toThrow('approvals.signers');
  });
});

describe('signing', () => {
  it.each([
    ['a public key', { key: ana.publicKey }, /this is a public key/],
    ['a text', { key: 'secret' }, /this is no private key/],
    ['a short RSA key', { key: jwk(rsa1024.privateKey) }, /too short/],
    ['more than a day', { lifetimeMs: 25 * 3_600_000 }, /from one second to 24 hours/],
    ['no time', { lifetimeMs: 0 }, /from one second to 24 hours/],
    ['a question of an older version', { pending: { ...pending, epoch: undefined } as never }, /older version/],
  ])('is refused with %s', async (_, more, message) => {
    await expect(signed(more)).rejects.toThrow(message);
  });

  it('cannot be talked into another question by further claims', async () => {
    const { publicKey, privateKey } = await createKeyPair('sso');
    const folder = await makeFolder({ 'keys.json': JSON.stringify({ keys: [publicKey] }) });
    const verifier = verifierOf([{ issuer: 'sso', jwks: { file: 'keys.json' } }], { folder });
    const claims = { id: 's9.c9-0000', decision: 'deny', sub: 'eve', iss: 'eve', exp: 9_999_999_999, roles: ['boss'] };

    const token = await signed({ issuer: 'sso', subject: 'ben', key: privateKey, claims });

    expect(await verifier(asked(token))).toEqual({ ok: true, by: 'ben', issuer: 'sso', roles: ['boss'] });
  });
});
