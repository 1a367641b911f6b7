import { expect, it } from 'vitest';
import { defineConfig } from '../../src/config.ts';
import { toApprovalRules } from '../../src/domain/schemas/approvals.ts';
import { idleRules } from '../../src/signers/idle-rules.ts';
import { ana, eve } from './support.ts';

type Approvals = NonNullable<Parameters<typeof defineConfig>[0]['approvals']>;

const publicKey = ana.publicKey as { kty: 'OKP' };

const idleOf = (approvals: Approvals): readonly string[] => {
  const { rules = [], signers = [] } =
    defineConfig({ models: { default: { model: 'm' } }, agents: [], approvals }).approvals ?? {};
  return idleRules(toApprovalRules(rules), signers);
};

it.each<[string, Approvals, string]>([
  ['asks for nobody', { rules: [{ name: 'r' }] }, 'nothing'],
  ['asks for proof where nobody signs', { rules: [{ name: 'r', verified: true }] }, 'r: it takes 1 signing, and'],
  [
    'asks for a role that nobody has',
    { rules: [{ name: 'r', roles: ['boss'] }], signers: [{ issuer: 'ana', publicKey, roles: ['clerk'] }] },
    'with one of the roles boss, and approvals.signers has 0',
  ],
  [
    'asks for two where one person has two keys',
    {
      rules: [{ name: 'r', quorum: 2 }],
      signers: [
        { issuer: 'ana', publicKey },
        { issuer: 'ana-new', subject: 'Ana', publicKey: eve.publicKey as { kty: 'OKP' } },
      ],
    },
    'it takes 2 signing, and approvals.signers has 1',
  ],
  [
    'is escalated to a role that somebody has',
    {
      rules: [{ name: 'r', roles: ['boss'], escalate: [{ after: '1h', roles: ['owner'] }] }],
      signers: [{ issuer: 'ana', publicKey, roles: ['owner'] }],
    },
    'nothing',
  ],
  [
    'may be decided by whom a service speaks for',
    { rules: [{ name: 'r', roles: ['boss'] }], signers: [{ issuer: 'sso', jwks: 'https://sso.example.com/keys' }] },
    'nothing',
  ],
])('a rule that %s is told apart', (_, approvals, words) => {
  const [idle] = idleOf(approvals);

  expect(idle ?? 'nothing').toContain(words);
});
