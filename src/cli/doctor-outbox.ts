import { readEnvironment } from '../config.ts';
import type { OutboxState } from '../gateway/desk-ports.ts';
import { connect } from '../store/connection.ts';
import { createOutbox } from '../store/outbox.ts';
import type { DataConfig } from './data-config.ts';
import type { Check } from './doctor-checks.ts';
import { oneLine, span } from './text.ts';

const NAME = 'notifications';

/** Younger than this, a message is on its way. */
const LATE_MS = 60_000;

const words = ({ endpoint, waiting, givenUp, oldest, error }: OutboxState): string => {
  const parts = [
    ...(waiting === 0 ? [] : [`${waiting} wait, the oldest for ${span(Date.now() - Date.parse(oldest ?? ''))}`]),
    ...(givenUp === 0 ? [] : [`${givenUp} given up`]),
    ...(error === null ? [] : [`last error: ${oneLine(error, 120)}`]),
  ];
  return `${oneLine(endpoint, 60)}: ${parts.join(', ')}`;
};

const isLate = ({ oldest, givenUp }: OutboxState): boolean =>
  givenUp > 0 || (oldest !== null && Date.now() - Date.parse(oldest) > LATE_MS);

/** Endpoints with messages that no webhook of this configuration has the name of. */
const unknownAmong = (state: readonly OutboxState[], config: DataConfig): readonly string[] => {
  if (config.kind !== 'data') return [];
  const known = new Set((config.config.webhooks ?? []).map(({ name }) => name));
  return state.filter(({ endpoint, waiting }) => waiting > 0 && !known.has(endpoint)).map(({ endpoint }) => endpoint);
};

const judge = (state: readonly OutboxState[], config: DataConfig): Check => {
  if (state.length === 0) return { name: NAME, status: 'ok', message: 'none waits', fix: [] };
  const unknown = unknownAmong(state, config);
  const status = unknown.length > 0 || state.some(isLate) ? 'warn' : 'ok';
  return {
    name: NAME,
    status,
    message: state.map(words).join('; '),
    fix: [
      ...unknown.map((name) => `No webhook is named ${name} here: nobody sends what waits for it.`),
      ...(status === 'warn' ? ['Workers try again for three days; docs/notifications.md says what helps.'] : []),
    ],
  };
};

/** Looks at what webhooks have not been told yet. Changes nothing. @throws ApplicationFailure `Store.Unavailable` */
export const checkOutbox = async (
  target: { readonly url: string; readonly namespace: string },
  config: DataConfig,
): Promise<Check> => {
  const connection = connect(target.url, { maxConnections: 1 });
  try {
    const taskQueue = readEnvironment().HOLDFAST_TASK_QUEUE;
    const state = await createOutbox(connection, { namespace: target.namespace, taskQueue }).state();
    return judge(state, config);
  } finally {
    await connection.close();
  }
};
