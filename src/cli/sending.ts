import type { Acknowledged, AgentClient, TaskHandle } from '../client.ts';
import type { Scope } from '../domain/approval-rule.ts';
import { defined } from '../domain/defined.ts';
import type { JsonObject } from '../domain/json.ts';
import type { DecisionMessage } from '../domain/messages.ts';
import type { Signer } from './signing.ts';
import { note, notePaint } from './terminal.ts';
import { oneLine } from './text.ts';

/** What a person decided, before anybody vouches for them. `text`: a note, the reason or the answer. */
export type Said = {
  readonly name: DecisionMessage['name'];
  readonly text?: string | undefined;
  readonly args?: JsonObject | undefined;
  readonly scope?: Scope | undefined;
  readonly same?: readonly string[] | undefined;
};

/** Who decides: by a key, by a token that somebody signed, or by a claim. */
export type Identity = {
  readonly by?: string | undefined;
  readonly signer?: Signer | undefined;
  readonly token?: string | undefined;
};

/** A decision that is to be sent. `callId`: the question or its call; undefined: the one that waits. */
export type Outgoing = { readonly taskId: string; readonly callId?: string | undefined; readonly said: Said };

type Proof = { readonly by?: string | undefined; readonly token?: string | undefined };

const send = async (task: TaskHandle, { callId, said }: Outgoing, proof: Proof): Promise<Acknowledged> => {
  const { name, text, args, scope, same } = said;
  if (name === 'approve') return await task.approve(defined({ callId, args, note: text, scope, same, ...proof }));
  if (name === 'deny') return await task.deny(defined({ callId, reason: text, ...proof }));
  return await task.answer({ text: text ?? '', ...defined({ questionId: callId, ...proof }) });
};

/**
 * Sends a decision. With a key it signs exactly what waits and what is said about it.
 * @throws HoldfastError when the task refuses it, ConfigError when the key cannot sign
 */
export const sendDecision = async (
  client: AgentClient,
  outgoing: Outgoing,
  { by, signer, token }: Identity,
): Promise<Acknowledged> => {
  const { taskId, callId, said } = outgoing;
  const task = client.handle(taskId);
  if (token !== undefined || signer === undefined) return await send(task, outgoing, { by, token });
  const pending = await task.pendingDecision(callId);
  const named = { ...outgoing, callId: pending.id };
  if (pending.epoch === undefined) {
    note(
      notePaint.yellow(`${oneLine(pending.id, 40)} was asked by an older version: who decides stands there as a claim`),
    );
    return await send(task, named, { by: by ?? signer.subject });
  }
  const { signDecision } = await import('../signers/sign.ts');
  const { name: decision, ...content } = said;
  const signed = await signDecision({
    ...signer,
    pending,
    decision,
    content: defined(content),
    namespace: client.namespace,
  });
  return await send(task, named, { token: signed });
};
