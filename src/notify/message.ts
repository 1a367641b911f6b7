import { boundEvent } from '../domain/bound-event.ts';
import type { DeskEvent, DeskEventType } from '../domain/desk-event.ts';
import type { Redact } from '../domain/secrets.ts';
import { shellWord } from '../domain/shell-word.ts';
import type { DeskSubject, MessageMaker } from '../gateway/desk-ports.ts';
import type { Endpoint } from './endpoint.ts';

/** What all messages of a worker share. */
export type MessageSettings = {
  readonly namespace: string;
  /** Takes secrets out of words that people or models wrote. */
  readonly redact: Redact;
};

/** After these, the question still waits. */
const OPEN: ReadonlySet<DeskEventType> = new Set(['asked', 'reminded', 'escalated', 'voted']);

/**
 * How to decide. Nothing of it is a link that decides: who follows one has changed nothing. Where only signed decisions count,
 * a signal takes what `holdfast sign` prints as its input.
 */
const howTo = (taskId: string, { decisionId, kind, signed }: DeskEvent) => {
  const [task, id] = [shellWord(taskId), shellWord(decisionId)];
  const key = signed === true ? ' --key FILE' : '';
  const signal = (name: string): string => `${name} ${decisionId.replace('-', ' ')}`;
  return kind === 'answer'
    ? { cli: [`holdfast answer ${task} 'TEXT' --id ${id}${key}`], signals: [signal('answer')] }
    : {
        cli: [`holdfast approve ${task} ${id}${key}`, `holdfast deny ${task} ${id} --reason 'WHY'${key}`],
        signals: [signal('approve'), signal('deny')],
      };
};

const uiLink = (uiUrl: string, namespace: string, taskId: string): string =>
  `${uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(taskId)}`;

/** Who decided, and how. Not the note: people write into it what is meant for the agent. */
const outcomeOf = ({ human }: DeskEvent) =>
  human === undefined
    ? undefined
    : {
        decision: human.decision,
        by: human.by,
        verified: human.verified,
        at: human.at,
        scope: human.scope,
        standing: human.standing,
        votes: human.votes?.map(({ by, issuer, at }) => ({ by, issuer, at })),
      };

/** What is said of an event, as JSON: no arguments, no outputs, no secrets. */
const bodyOf = (
  { uiUrl }: Pick<Endpoint, 'uiUrl'>,
  { task: { taskId, epoch }, agent, tenant }: DeskSubject,
  { event, namespace, redact }: MessageSettings & { readonly event: DeskEvent },
): string => {
  const { id, type, at, summary, human: _, ...rest } = boundEvent(event);
  return JSON.stringify({
    type: `holdfast.decision.${type}`,
    timestamp: at,
    data: {
      event: id,
      namespace,
      taskId,
      epoch,
      agent,
      tenant,
      ...rest,
      summary: redact(summary),
      outcome: outcomeOf(boundEvent(event)),
      how: OPEN.has(type) ? howTo(taskId, event) : undefined,
      ui: uiUrl === undefined ? undefined : uiLink(uiUrl, namespace, taskId),
    },
  });
};

/** Makes the messages that tell endpoints of an event, each of those that it wants to know. */
export const createMessageMaker =
  (endpoints: readonly Endpoint[], settings: MessageSettings): MessageMaker =>
  (subject, event) =>
    endpoints
      .filter(({ events }) => events.includes(event.type))
      .map((endpoint) => ({ endpoint: endpoint.name, body: bodyOf(endpoint, subject, { ...settings, event }) }));
