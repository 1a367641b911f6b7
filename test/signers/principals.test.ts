import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it, vi } from 'vitest';
import { defineConfig } from '../../src/config.ts';
import { agentsAmong, createPrincipals } from '../../src/signers/principals.ts';

const directory = createPrincipals({
  ana: { roles: ['support', 'lead'], tenant: 'acme' },
  ben: {},
  bot: { agent: true },
});

const refused = (words: string) =>
  expect.objectContaining({ type: 'Principal.Refused', nonRetryable: true, message: expect.stringContaining(words) });

describe('INVARIANT A3: principals are what the host says', () => {
  it('roles and tenant come from the directory', async () => {
    expect(await directory({ id: 'ana' })).toEqual({ id: 'ana', roles: ['support', 'lead'], tenant: 'acme' });
    expect(await directory({ id: 'ben' })).toEqual({ id: 'ben', roles: [] });
  });

  it('the specification can narrow roles and name the same tenant', async () => {
    expect(await directory({ id: 'ana', roles: ['support'], tenant: 'acme' })).toMatchObject({ roles: ['support'] });
    expect(await directory({ id: 'ana', roles: [] })).toMatchObject({ roles: [] });
  });

  it.each([
    ['an unknown principal', { id: 'eve' }, 'no principal "eve"'],
    ['a name of the language', { id: 'constructor' }, 'no principal "constructor"'],
    ['a role that it lacks', { id: 'ana', roles: ['support', 'root'] }, 'does not have the role "root"'],
    ['another tenant', { id: 'ana', tenant: 'other' }, 'does not belong to the tenant "other"'],
    ['a tenant where it has none', { id: 'ben', tenant: 'acme' }, 'does not belong to the tenant "acme"'],
  ])('%s is refused', async (_, claimed, words) => {
    await expect(directory(claimed)).rejects.toEqual(refused(words));
  });

  it('without a directory the specification is believed', async () => {
    const claimed = { id: 'eve', roles: ['root'], tenant: 'any' };

    expect(await createPrincipals(undefined)(claimed)).toEqual(claimed);
  });

  it('those that are agents are known by their mark', () => {
    expect(agentsAmong({ ana: {}, bot: { agent: true }, old: { agent: false } })).toEqual(['bot']);
    expect(agentsAmong(() => null)).toEqual([]);
    expect(agentsAmong(undefined)).toEqual([]);
  });
});

describe('a directory of the host’s own', () => {
  it('is asked with what is claimed, and its answer counts', async () => {
    const lookup = vi.fn(() => Promise.resolve({ roles: ['lead'], tenant: 'acme' }));

    const found = await createPrincipals(lookup)({ id: 'ana', roles: ['lead'] });

    expect(lookup).toHaveBeenCalledWith('ana', { roles: ['lead'] });
    expect(found).toEqual({ id: 'ana', roles: ['lead'], tenant: 'acme' });
    await expect(createPrincipals(lookup)({ id: 'ana', roles: ['root'] })).rejects.toEqual(refused('"root"'));
  });

  it('says no with null', async () => {
    await expect(createPrincipals(() => null)({ id: 'ana' })).rejects.toEqual(refused('no principal "ana"'));
  });

  it.each([
    ['throws', () => Promise.reject(new Error('LDAP is away')), /LDAP is away/],
    ['gives what is no principal', () => ({ roles: 'lead' }) as never, /gave what is no principal/],
    ['gives nothing', () => undefined as never, /gave what is no principal/],
  ])('that %s is an outage: it is asked again', async (_, lookup, message) => {
    const asking = createPrincipals(lookup)({ id: 'ana' });

    await expect(asking).rejects.toThrow(message);
    await expect(asking).rejects.not.toBeInstanceOf(ApplicationFailure);
  });

  it('that does not answer is given up after ten seconds, and asked again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const asking = createPrincipals(() => new Promise(() => undefined))({ id: 'ana' });
      const failure = asking.catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await failure).toEqual(new Error('the function "principals" did not answer within 10 s'));
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('principals in a configuration', () => {
  const define = (principals: unknown) =>
    defineConfig({ models: { default: { model: 'm' } }, agents: [], principals } as Parameters<typeof defineConfig>[0]);

  it.each([
    ['x', 'principals: expected principals by id'],
    [{ ana: { role: ['x'] } }, 'principals.ana: Unrecognized key: "role"'],
    [{ ana: { roles: 'x' } }, 'principals.ana.roles'],
    [{ ana: { tenant: 1 } }, 'principals.ana.tenant'],
  ])('%j is refused with its path', (principals, message) => {
    expect(() => define(principals)).toThrow(message);
  });

  it('keep a function, also when read twice', () => {
    const lookup = () => null;

    expect(defineConfig(define(lookup)).principals).toBe(lookup);
  });
});
