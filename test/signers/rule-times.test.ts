import { expect, it } from 'vitest';
import { defineConfig } from '../../src/config.ts';

const configOf = (times: object) =>
  defineConfig({
    models: { default: { model: 'm' } },
    agents: [],
    approvals: { rules: [{ name: 'r', ...times }] as never },
  });

it.each([
  ['a reminder', { remind: 'soon' }, 'approvals.rules.0.remind: expected a duration'],
  ['an escalation', { escalate: [{ after: '1 h', roles: ['b'] }] }, 'approvals.rules.0.escalate.0.after: expected a'],
  ['a deadline', { remind: '1h', expire: { after: 'x', then: 'deny' } }, 'approvals.rules.0.expire.after: expected a'],
])('%s after no duration is refused with its place', (_, times, words) => {
  expect(() => configOf(times)).toThrow(words);
});

it.each([
  { remind: '2h', expire: { after: '1h', then: 'deny' } },
  { escalate: [{ after: '1h', roles: ['b'] }], expire: { after: '60m', then: 'pause' } },
])('times that do not rise are refused: %o', (times) => {
  expect(() => configOf(times)).toThrow('approvals.rules.0: times count from when it is asked');
});
