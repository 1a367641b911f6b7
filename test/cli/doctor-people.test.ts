import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cli, makeFolder } from './support.ts';

it('doctor finds keys that cannot be read, and secrets of webhooks that are not set, before a worker does', async () => {
  const folder = await makeFolder();
  const made = await cli(['keys', 'new', '--out', 'ana.key.json', '--issuer', 'ana', '--json'], { cwd: folder });
  const { publicKey } = JSON.parse(made.stdout) as { publicKey: object };
  await writeFile(
    join(folder, 'holdfast.config.json'),
    JSON.stringify({
      models: { default: { model: 'm' } },
      agents: { clerk: { instructions: 'Work.', tools: [] } },
      approvals: {
        signers: [
          { issuer: 'ana', publicKey },
          { issuer: 'ben', publicKey: { file: 'none.json' } },
          { issuer: 'cat', publicKey: { file: 'ana.key.json' } },
        ],
      },
      webhooks: [
        { name: 'ops', url: 'http://127.0.0.1:1/', secret: { env: 'OPS_SECRET' } },
        { name: 'audit', url: 'http://127.0.0.1:1/', secret: { env: 'AUDIT_SECRET' } },
      ],
    }),
  );

  const { code, stdout } = await cli(['doctor', '--json'], { cwd: folder, env: { OPS_SECRET: 'x'.repeat(32) } });
  const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] };

  expect(code).toBe(1);
  expect(checks.filter(({ name }) => /^(signer|webhook) /.test(name))).toMatchObject([
    { name: 'webhook ops', status: 'ok' },
    { name: 'webhook audit', status: 'warn', message: 'AUDIT_SECRET is not set here' },
    { name: 'signer ana', status: 'ok' },
    { name: 'signer ben', status: 'fail', message: expect.stringContaining('none.json cannot be read') },
    { name: 'signer cat', status: 'fail', message: expect.stringContaining('private') },
  ]);
});
