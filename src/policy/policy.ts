import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { digestJson, shortDigest } from '../domain/digest.ts';
import { type Cedar, CedarCrash } from './cedar.ts';
import { byPosition, describeFinding, positionAt } from './position.ts';

/** One policy, parsed. */
export type Policy = {
  /** Its `@id`, else file and number: `refunds#2`. */
  readonly id: string;
  readonly text: string;
  readonly json: PolicyJson;
  /** Of what it says, spaces and comments apart; short, for reasons stand in every verdict. */
  readonly digest: string;
  /** `policies/refunds.cedar:12:1`. */
  readonly where: string;
};

/** A text of policies and what to call it in messages. */
export type PolicySource = { readonly name: string; readonly text: string };

/** A text taken apart, or what is wrong with it, a line each. */
export type ParsedSource =
  | { readonly ok: true; readonly policies: readonly Policy[] }
  | { readonly ok: false; readonly findings: readonly string[] };

/** Digits of a policy's digest: nobody looks for two policies of one id that share them. */
const DIGITS = 16;

const ID = /^[^\p{C}\p{Z}]{1,120}$/u;

const failed = (...findings: readonly string[]): ParsedSource => ({ ok: false, findings });

/** Cedar numbers policies `policy0`, `policy1`, … and gives them sorted by that name, `policy10` before `policy2`. */
const inOrder = (texts: readonly string[]): readonly string[] => {
  const names = texts.map((_, index) => `policy${index}`).sort();
  return texts
    .map((text, index) => ({ text, at: Number(names[index]?.slice('policy'.length)) }))
    .sort((one, other) => one.at - other.at)
    .map(({ text }) => text);
};

const places = (texts: readonly string[], { name, text }: PolicySource): readonly string[] => {
  let from = 0;
  return texts.map((each) => {
    const at = Math.max(text.indexOf(each, from), 0);
    from = at + each.length;
    const { line, column } = positionAt(text, Buffer.byteLength(text.slice(0, at), 'utf8'));
    return `${name}:${line}:${column}`;
  });
};

const baseName = (name: string): string => name.replace(/^.*[\\/]/, '').replace(/\.cedar$/, '');

/** In the JSON of a policy, numbers above 2⁵³ are those beside them: they are taken as they are written. */
const digestOf = (text: string, json: PolicyJson): string =>
  shortDigest(digestJson([json, text.match(/\d{16,}/g)]), DIGITS);

const toPolicy = (cedar: Cedar, text: string, at: { where: string; fallback: string }): Policy | string => {
  const parsed = cedar.policyToJson(text);
  if (parsed.type === 'failure') return `${at.where}: ${parsed.errors[0]?.message ?? 'cannot be read'}`;
  const id = parsed.json.annotations?.['id'] ?? at.fallback;
  if (!ID.test(id))
    return `${at.where}: @id(${JSON.stringify(id)}) must have 1 to 120 visible characters and no spaces`;
  return { id, text, json: parsed.json, digest: digestOf(text, parsed.json), where: at.where };
};

const parse = (cedar: Cedar, source: PolicySource): ParsedSource => {
  const parts = cedar.policySetTextToParts(source.text);
  if (parts.type === 'failure') {
    return failed(...parts.errors.sort(byPosition).map((error) => describeFinding(source.name, source.text, error)));
  }
  const [template] = parts.policy_templates;
  if (template !== undefined) {
    const [where] = places([template], source);
    return failed(`${where}: templates (?principal, ?resource) are not supported`);
  }
  const texts = inOrder(parts.policies);
  const wheres = places(texts, source);
  const policies = texts.map((text, index) =>
    toPolicy(cedar, text, { where: wheres[index] ?? source.name, fallback: `${baseName(source.name)}#${index + 1}` }),
  );
  const findings = policies.filter((each) => typeof each === 'string');
  return findings.length > 0
    ? failed(...findings)
    : { ok: true, policies: policies.filter((each) => typeof each !== 'string') };
};

/** Parses a text of policies in an instance that it may crash. Never throws. */
export const parsePolicies = (
  instance: { use: <R>(run: (cedar: Cedar) => R) => R },
  source: PolicySource,
): ParsedSource => {
  try {
    return instance.use((cedar) => parse(cedar, source));
  } catch (error) {
    if (error instanceof CedarCrash) return failed(`${source.name}:1:1: a policy is nested too deep to be read`);
    throw error;
  }
};
