import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../src/domain/json.ts';
import { FURTHER_ROLES, listRoles } from '../../src/domain/waiting-roles.ts';

const many = (length: number, name: string) => Array.from({ length }, (_, n) => `${name}-${n}`);

describe('INVARIANT H1: roles in a search attribute', () => {
  it('are all there, each once, while they fit', () => {
    expect(listRoles(['finance', 'heads', 'finance'])).toEqual(['finance', 'heads']);
    expect(listRoles([])).toEqual([]);
  });

  it.each([
    ['many', many(600, 'CN=approvers,OU=Groups,DC=example')],
    ['long ones', many(50, 'r'.repeat(190))],
    ['of several bytes a letter', many(50, '承'.repeat(190))],
  ])('stay below what the server takes, and say that there are more: %s', (_, roles) => {
    const listed = listRoles(roles);

    expect(jsonBytes(listed)).toBeLessThan(2_048);
    expect(listed.at(-1)).toBe(FURTHER_ROLES);
    expect(listed.length).toBeGreaterThan(1);
    expect(roles).toEqual(expect.arrayContaining(listed.slice(0, -1)));
  });
});
