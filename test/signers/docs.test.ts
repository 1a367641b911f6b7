import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { defineConfig } from '../../src/config.ts';

const page = readFileSync(new URL('../../docs/approvals.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => parse(text) as object);

it('every example in docs/approvals.md is a configuration', () => {
  expect(examples.length).toBeGreaterThan(3);
  for (const example of examples) {
    expect(() => defineConfig({ models: { default: { model: 'm' } }, agents: {}, ...example })).not.toThrow();
  }
});
