import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, ServiceError } from '@temporalio/client';
import type { Scope } from '../../src/domain/approval-rule.ts';
import type { DecisionName, PendingDecision } from '../../src/domain/decision.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { DecisionMessage } from '../../src/domain/messages.ts';
import { createKeyPair } from '../../src/signers/key-pair.ts';
import { signDecision } from '../../src/signers/sign.ts';

/** People who may sign; `ana` starts the tasks. */
export const PEOPLE = ['ben', 'cat', 'dan'] as const;
export type Person = (typeof PEOPLE)[number];

const keys = new Map(
  await Promise.all(PEOPLE.map(async (name) => [name, await createKeyPair(`${name}-key`)] as const)),
);

/** As they stand in the workers' configuration. */
export const SIGNERS = [...keys].map(([subject, { publicKey }]) => ({
  issuer: `${subject}-key`,
  subject,
  publicKey: publicKey as { kty: 'OKP' },
  roles: ['treasurer'],
}));

/** How a message reaches a task: signal or update, by the common name or by the question's own. */
export const DOORS = ['signal', 'signal by name', 'update', 'update by name'] as const;
export type Door = (typeof DOORS)[number];

/** What somebody says about a question. */
export type Saying = {
  readonly verdict: 'approve' | 'deny' | 'edit';
  readonly by: Person;
  readonly isSigned: boolean;
  readonly door: Door;
  /** Of an edit; the amount `EDITED` where none are given. */
  readonly args?: JsonObject;
  /** How far a yes reaches. */
  readonly scope?: Scope;
  /** The same message again has the same. */
  readonly updateId?: string;
};

/** The number that an edit puts in the place of the agent's. */
export const EDITED = 7;

const contentOf = ({ verdict, args, scope }: Saying): Pick<DecisionMessage, 'args' | 'text' | 'scope'> => ({
  ...(verdict === 'edit' ? { args: args ?? { amount: EDITED } } : { text: `${verdict}, says a person` }),
  ...(scope === undefined ? {} : { scope }),
});

const payloadOf = async (pending: PendingDecision, saying: Saying) => {
  const { verdict, by, isSigned } = saying;
  const name: DecisionName = verdict === 'deny' ? 'deny' : 'approve';
  const content = contentOf(saying);
  const { text, ...rest } = content;
  const said = { ...rest, ...(text === undefined ? {} : { [name === 'deny' ? 'reason' : 'note']: text }) };
  if (!isSigned) return { name, payload: { ...said, by } };
  const key = keys.get(by)?.privateKey;
  if (key === undefined) throw new Error(`${by} has no key`);
  const signing = { pending, decision: name, content, namespace: 'default', issuer: `${by}-key`, subject: by, key };
  return { name, payload: { ...said, token: await signDecision(signing) } };
};

/** The server refuses updates of a task whose workers died or timed out three times in a row, until one gets through. */
const whileRefused = async (update: () => Promise<unknown>): Promise<void> => {
  for (;;) {
    try {
      await update();
      return;
    } catch (error) {
      if (!(error instanceof ServiceError) || !/Workflow Task in failed state/.test(String(error.cause))) throw error;
      await delay(500);
    }
  }
};

/**
 * Says it. A signal is with the server then; an update was taken by a worker, and is waited for until one comes.
 * @throws WorkflowUpdateFailedError of an update that is refused
 */
export const say = async (temporal: Client, pending: PendingDecision, saying: Saying): Promise<void> => {
  const { name, payload } = await payloadOf(pending, saying);
  const isByName = saying.door.endsWith('by name');
  const wire = isByName ? `${name} ${pending.id.replace('-', ' ')}` : name;
  const input = isByName ? payload : { id: pending.id, ...payload };
  const workflow = temporal.workflow.getHandle(pending.taskId);
  if (saying.door.startsWith('signal')) return workflow.signal(wire, input);
  const updateId = saying.updateId ?? randomUUID();
  await whileRefused(() => workflow.executeUpdate(wire, { args: [input], updateId }));
};
