import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineConfig } from '../../src/config.ts';
import { type AgentDefinition, defineAgent } from '../../src/tools/define-agent.ts';
import { buildAgents, buildDirectory, buildModels } from '../../src/worker-parts.ts';

const base = { name: 'clerk', instructions: 'Work.' };
const settings = {
  reviewOutput: true,
  fallback: { output: { answer: 'unknown' } },
  escalate: { confidenceBelow: 0.7 },
  reviewAt: 0.8,
  onLimit: 'fallback',
} as const;
const facts = {
  reviewOutput: true,
  fallback: settings.fallback,
  confidenceBelow: 0.7,
  reviewAt: 0.8,
  onLimit: 'fallback',
};

const models = { default: { model: 'm', baseURL: 'http://127.0.0.1:9' } };

const find = (agents: Parameters<typeof defineConfig>[0]['agents']) => {
  const config = defineConfig({ models, agents });
  return buildDirectory(buildAgents(config, { always: [], tools: () => [] }, true), buildModels(config)).find('clerk');
};

describe('what an agent says about when people are asked', () => {
  it('reaches its tasks, defined in code or in plain data', () => {
    const { name: _, ...plain } = { ...base, ...settings };

    expect(find([defineAgent({ ...base, ...settings })])).toMatchObject(facts);
    expect(find({ clerk: plain })).toMatchObject(facts);
  });

  it('is nothing, where it says nothing', () => {
    expect(Object.keys(find([defineAgent(base)])).toSorted()).toEqual(['limits', 'model', 'name']);
  });

  it.each<{ name: string; fields: Partial<AgentDefinition>; says: RegExp }>([
    {
      name: 'a fallback that does not meet its schema',
      fields: { output: z.object({ answer: z.string() }), fallback: { output: { answer: 7 } } },
      says: /agent clerk: fallback\.output does not meet output:.*expected string/s,
    },
    {
      name: 'a fallback at limits that is not there',
      fields: { onLimit: 'fallback' },
      says: /there is none; give fallback/,
    },
    { name: 'a fallback that is no JSON', fields: { fallback: { output: () => 1 } }, says: /fallback/ },
    { name: 'a large fallback', fields: { fallback: { output: 'x'.repeat(40_000) } }, says: /larger than 32768 bytes/ },
    { name: 'confidence in percent', fields: { escalate: { confidenceBelow: 70 } }, says: /confidenceBelow/ },
    { name: 'a review point at nothing', fields: { reviewAt: 0 }, says: /reviewAt/ },
  ])('is refused with its mistake: $name', ({ fields, says }) => {
    expect(() => defineAgent({ ...base, ...fields })).toThrow(says);
  });

  it('is taken on trust until a task starts, where its schema can only be asked later', () => {
    const output = z.string().refine(async () => false);

    expect(defineAgent({ ...base, output, fallback: { output: 'x' } }).reviews.fallback).toEqual({ output: 'x' });
  });
});
