import { Command } from 'commander';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { print, printJson } from './terminal.ts';
import { table } from './text.ts';

/** `holdfast schema [NAME]`: JSON Schemas of everything that other programs read or write. */
export const schemaCommand = (): Command => {
  const command = new Command('schema')
    .summary('print a JSON Schema')
    .description('Prints the JSON Schema of what other programs read and write; without a name, lists the names.')
    .argument('[name]', 'such as task-spec');
  withExamples(command, ['holdfast schema', 'holdfast schema task-spec > task-spec.schema.json']);
  return onCall(command, async ({ args: [name], globals }) => {
    const { SCHEMAS, toJsonSchema } = await import('./schemas.ts');
    const known = Object.entries(SCHEMAS).map(([each, { what }]) => [each, what]);
    if (name === undefined) {
      if (globals.json) printJson(Object.keys(SCHEMAS));
      else for (const line of table(known)) print(line);
      return EXIT.done;
    }
    if (!Object.hasOwn(SCHEMAS, name)) {
      throw new UsageError(
        `there is no schema ${JSON.stringify(name)}.`,
        `Schemas: ${Object.keys(SCHEMAS).join(', ')}`,
      );
    }
    const schema = toJsonSchema(name as keyof typeof SCHEMAS);
    if (globals.json) printJson(schema);
    else print(JSON.stringify(schema, null, 2));
    return EXIT.done;
  });
};
