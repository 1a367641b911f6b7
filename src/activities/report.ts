import type { AuditAnchor } from '../gateway/ports.ts';
import { taskRef } from '../gateway/ports.ts';
import type { ReportInput } from './messages.ts';
import { whileAway } from './patience.ts';
import type { ActivityDeps } from './ports.ts';

/** Keeps what happened at the desk, each event once, and queues what others are notified of. */
export const report = async (
  { deskLog, messages }: ActivityDeps,
  { context, events }: ReportInput,
): Promise<{ readonly anchor?: AuditAnchor | undefined }> => {
  const { agent, principal } = context;
  const subject = { task: taskRef(context), agent, principal: principal.id, tenant: principal.tenant };
  return { anchor: await whileAway(() => deskLog.record(subject, events, messages)) };
};
