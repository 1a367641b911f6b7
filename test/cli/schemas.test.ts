import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import { SCHEMAS, type SchemaName, toJsonSchema } from '../../src/cli/schemas.ts';
import type { ShownTask } from '../../src/cli/show.ts';
import type { PendingDecision } from '../../src/domain/decision.ts';
import type { ShowSchema, TaskListSchema } from '../../src/domain/schemas/list.ts';
import type { OutcomeSchema } from '../../src/domain/schemas/outcome.ts';
import type { PendingSchema } from '../../src/domain/schemas/pending.ts';
import type { ProgressSchema } from '../../src/domain/schemas/progress.ts';
import type { ReplaySchema } from '../../src/domain/schemas/replay.ts';
import type { TraceSchema } from '../../src/domain/schemas/trace.ts';
import type { Outcome } from '../../src/domain/task.ts';
import type { Trace } from '../../src/domain/trace.ts';
import type { ProgressEvent } from '../../src/timeline/progress-event.ts';
import type { TaskPage } from '../../src/timeline/tasks.ts';
import { cli } from './support.ts';

describe('schemas', { timeout: 30_000 }, () => {
  // Checked by the compiler: what the code gives is what the schema describes, in both directions.
  it('are in step with the types', () => {
    expectTypeOf<Mutable<Outcome>>().toExtend<z.output<typeof OutcomeSchema>>();
    expectTypeOf<z.output<typeof OutcomeSchema>>().toExtend<Outcome>();
    expectTypeOf<Mutable<PendingDecision>>().toExtend<z.output<typeof PendingSchema>>();
    expectTypeOf<z.output<typeof PendingSchema>>().toExtend<PendingDecision>();
    expectTypeOf<Mutable<Trace>>().toExtend<z.output<typeof TraceSchema>>();
    expectTypeOf<z.output<typeof TraceSchema>>().toExtend<Trace>();
    expectTypeOf<Mutable<TaskPage>>().toExtend<z.output<typeof TaskListSchema>>();
    expectTypeOf<z.output<typeof TaskListSchema>>().toExtend<TaskPage>();
    expectTypeOf<Mutable<ShownTask>>().toExtend<z.output<typeof ShowSchema>>();
    expectTypeOf<z.output<typeof ShowSchema>>().toExtend<ShownTask>();
    expectTypeOf<Mutable<ProgressEvent>>().toExtend<z.output<typeof ProgressSchema>>();
    expectTypeOf<z.output<typeof ProgressSchema>>().toExtend<ProgressEvent>();
    expectTypeOf<z.output<typeof ReplaySchema>['ok']>().toEqualTypeOf<boolean>();
  });

  it.each(Object.keys(SCHEMAS) as SchemaName[])('%s is a JSON Schema', (name) => {
    expect(toJsonSchema(name)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
  });

  it('are printed by name', async () => {
    const { code, stdout } = await cli(['schema', 'outcome']);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(toJsonSchema('outcome'));
  });

  it('lists the names', async () => {
    const { stdout } = await cli(['schema', '--json']);

    expect(JSON.parse(stdout)).toEqual(Object.keys(SCHEMAS));
  });
});

type Mutable<T> = T extends readonly (infer Each)[]
  ? Mutable<Each>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;
