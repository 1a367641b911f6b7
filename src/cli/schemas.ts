import { z } from 'zod';
import { Config } from '../config.ts';
import { CalibrationSchema, DecisionListSchema } from '../domain/schemas/decisions.ts';
import { ShowSchema, TaskListSchema } from '../domain/schemas/list.ts';
import { CompensationSchema, OutcomeSchema } from '../domain/schemas/outcome.ts';
import { InboxSchema, PendingSchema } from '../domain/schemas/pending.ts';
import { ProgressSchema } from '../domain/schemas/progress.ts';
import { ReplaySchema } from '../domain/schemas/replay.ts';
import { TaskSpec } from '../domain/schemas/task-spec.ts';
import { TraceSchema } from '../domain/schemas/trace.ts';

/** Everything that crosses the border to other programs, by the name that `holdfast schema` knows it by. */
export const SCHEMAS = {
  'task-spec': { schema: TaskSpec, what: 'what starts a task: `run --spec`, the input of the workflow' },
  config: { schema: Config, what: 'holdfast.config.json or .yaml' },
  outcome: { schema: OutcomeSchema, what: 'how a task ended: `run --json`, the result of the workflow' },
  pending: { schema: PendingSchema, what: 'something that waits for a person' },
  inbox: { schema: InboxSchema, what: '`inbox --json`' },
  list: { schema: TaskListSchema, what: '`list --json`' },
  show: { schema: ShowSchema, what: '`show --json`' },
  trace: { schema: TraceSchema, what: '`trace --json`' },
  progress: { schema: ProgressSchema, what: 'an event of `client.handle(id).progress()`' },
  compensation: { schema: CompensationSchema, what: '`compensate --json`' },
  decisions: {
    schema: z.union([CalibrationSchema, DecisionListSchema]),
    what: '`decisions --json`, and with `--list`',
  },
  replay: { schema: ReplaySchema, what: '`replay --json`' },
} as const satisfies Record<string, { readonly schema: z.ZodType; readonly what: string }>;

/** The name of a schema. */
export type SchemaName = keyof typeof SCHEMAS;

/** A schema as JSON Schema 2020-12. What only code can be (a defined agent) is left open. */
export const toJsonSchema = (name: SchemaName): unknown =>
  z.toJSONSchema(SCHEMAS[name].schema, { io: 'input', unrepresentable: 'any' });
