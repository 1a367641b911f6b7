import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { importJWK, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import type { VerifyDecisionInput } from '../../src/activities/messages.ts';
import type { Verifier } from '../../src/activities/ports.ts';
import { defineConfig } from '../../src/config.ts';
import { digestText } from '../../src/domain/digest.ts';
import { contentDigest } from '../../src/domain/signed-decision.ts';
import { algorithmsOf } from '../../src/signers/algorithms.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { type DecisionToSign, signDecision } from '../../src/signers/sign.ts';
import { createVerifier, type VerifierOptions } from '../../src/signers/verify.ts';

export const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A question that waits, as far as a signature names it. */
export const pending = {
  taskId: 'refund-17',
  epoch: 'run-1',
  id: 's3.c1-7f3a',
  digest: digestText('refund 40'),
} as const;

const content = { text: 'as agreed' } as const;

/** What the workflow asks about a token. */
export const asked = (token: string, more: Partial<VerifyDecisionInput> = {}): VerifyDecisionInput => ({
  token,
  taskId: pending.taskId,
  epoch: pending.epoch,
  id: pending.id,
  digest: pending.digest,
  decision: 'approve',
  content: contentDigest(content),
  ...more,
});

export const ana = await createKeyPair('ana');
export const eve = await createKeyPair('ana');

/** Ana's approval, as her key signs it. */
export const signed = (more: Partial<DecisionToSign> = {}): Promise<string> =>
  signDecision({
    pending,
    decision: 'approve',
    content,
    namespace: 'default',
    issuer: 'ana',
    key: ana.privateKey,
    ...more,
  });

/** The claims of a decision that counts. */
export const claims = (): Record<string, unknown> => {
  const now = Math.floor(Date.now() / 1_000);
  return {
    iss: 'ana',
    sub: 'ana',
    aud: 'holdfast:default',
    iat: now,
    exp: now + 3_600,
    task: pending.taskId,
    epoch: pending.epoch,
    id: pending.id,
    digest: pending.digest,
    decision: 'approve',
    content: contentDigest(content),
  };
};

/** Signs any claims: what a signer with a good key and bad intentions can make. */
export const signClaims = async (
  given: Record<string, unknown>,
  { key = ana.privateKey, header = {} }: { key?: JWK; header?: Partial<JWTHeaderParameters> } = {},
): Promise<string> => {
  const [alg = ''] = algorithmsOf(key);
  return await new SignJWT(given)
    .setProtectedHeader({ alg, ...(key.kid === undefined ? {} : { kid: key.kid }), ...header })
    .sign(await importJWK(key, alg));
};

type SignersInput = NonNullable<NonNullable<Parameters<typeof defineConfig>[0]['approvals']>['signers']>;

/** A verifier for a list of signers as it stands in a configuration. */
export const verifierOf = (signers: SignersInput, more: Partial<VerifierOptions> = {}): Verifier => {
  const config = defineConfig({ models: { default: { model: 'm' } }, agents: [], approvals: { signers } });
  return createVerifier(config.approvals?.signers ?? [], { namespace: 'default', folder: '.', log: silent, ...more });
};

/** A verifier that knows Ana's key. */
export const anaVerifier = (more: Record<string, unknown> = {}): Verifier =>
  verifierOf([{ issuer: 'ana', publicKey: ana.publicKey as { kty: 'OKP' }, roles: ['treasurer'], ...more }]);

/** A server of keys whose answer can be changed; ends with the test. */
export const startKeyServer = async (keys: readonly JWK[]) => {
  const state = { keys, status: 200, body: undefined as string | undefined, isSilent: false, asked: 0 };
  const server = createServer((_, response) => {
    state.asked += 1;
    if (state.isSilent) return;
    response.writeHead(state.status, { 'content-type': 'application/json' });
    response.end(state.body ?? JSON.stringify({ keys: state.keys }));
  });
  const listen = async (port: number): Promise<void> =>
    await new Promise((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    if (server.listening) await stop();
  });
  return { url: `http://127.0.0.1:${port}/keys`, state, stop, start: () => listen(port) };
};
