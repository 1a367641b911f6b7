import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FAILURES } from '../../src/domain/failures.ts';

it('docs/failures.md lists every failure type with what the code says of it', () => {
  const page = readFileSync(new URL('../../docs/failures.md', import.meta.url), 'utf8');
  for (const [type, { retryable, help }] of Object.entries(FAILURES)) {
    expect(page).toContain(`| \`${type}\` | ${retryable ? 'yes' : 'no'} | ${help} |`);
  }
});
