import { confirm } from '@clack/prompts';
import { Command } from 'commander';
import type { Digest } from '../domain/digest.ts';
import type { ServerSurface, SurfaceEntry } from '../tools/mcp/server.ts';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { prompt } from './prompt.ts';
import { isInteractive, note, paint, print, printJson } from './terminal.ts';
import { clean, oneLine, table } from './text.ts';

/** What stands in the pins about a tool. */
type PinState = 'pinned' | 'changed' | 'new' | 'not pinned yet' | 'unusable';

type Looked = ServerSurface & { readonly isPinned: boolean };

const pinState = ({ isPinned }: Looked, { digest, pinned, problem }: SurfaceEntry): PinState => {
  if (problem !== undefined) return 'unusable';
  if (!isPinned) return 'not pinned yet';
  if (pinned === undefined) return 'new';
  return pinned === digest ? 'pinned' : 'changed';
};

const factsOf = ({ tool }: SurfaceEntry) =>
  tool === undefined
    ? null
    : { effect: tool.effect, unattended: tool.unattended, openWorld: tool.openWorld, idempotent: tool.idempotent };

const toJson = (server: Looked) => ({
  name: server.server,
  identity: server.identity,
  state: server.state.kind,
  ...(server.state.kind === 'down' ? { error: server.state.error } : {}),
  tools: server.tools.map((entry) => ({
    name: entry.name,
    pin: pinState(server, entry),
    digest: entry.digest ?? null,
    pinned: server.isPinned ? (entry.pinned ?? null) : null,
    problem: entry.problem ?? null,
    ...factsOf(entry),
  })),
});

const PAINTS: Record<PinState, (text: string) => string> = {
  pinned: paint.green,
  changed: paint.red,
  new: paint.yellow,
  'not pinned yet': paint.dim,
  unusable: paint.red,
};

const asksWord = ({ tool }: SurfaceEntry, state: PinState): string => {
  if (tool === undefined) return '';
  return !tool.unattended || state === 'changed' || state === 'new' ? paint.yellow('asks') : 'unattended';
};

const row = (server: Looked, entry: SurfaceEntry): string[] => {
  const state = pinState(server, entry);
  return [
    `  ${oneLine(entry.name, 60)}`,
    entry.tool?.effect ?? '',
    asksWord(entry, state),
    PAINTS[state](state),
    paint.dim(oneLine(entry.problem ?? entry.tool?.description ?? '', 80)),
  ];
};

const whyNotUp = ({ state }: ServerSurface): string =>
  state.kind === 'down'
    ? state.error
    : 'it did not answer within ten seconds. Its command may still be downloading, or asks for something: try again, or run the command by hand.';

const report = (servers: readonly Looked[]): void => {
  if (servers.length === 0) note('no MCP servers are configured');
  for (const server of servers) {
    const { state } = server;
    const word = state.kind === 'up' ? paint.green('up') : paint.red(state.kind);
    print(`${paint.bold(server.server)} ${word}${state.kind === 'up' ? '' : `: ${clean(whyNotUp(server))}`}`);
    for (const line of table(server.tools.map((entry) => row(server, entry)))) print(line);
  }
};

const listCommand = (): Command => {
  const command = new Command('list')
    .summary('show servers, tools, effects and pins')
    .description(
      'Starts the MCP servers of the configuration, and shows their tools as a worker would take them: effect, whether a call asks a person, and whether the tool is what was pinned. Pins nothing. Runs the configuration, if it is code.',
    );
  withExamples(command, [
    'holdfast mcp list',
    'holdfast mcp list --json | jq \'.servers[].tools[] | select(.pin == "changed")\'',
  ]);
  return onCall(command, async ({ globals }) => {
    const { withMcpServers } = await import('./mcp-session.ts');
    const servers = await withMcpServers({ globals }, async (session) => await session.look());
    if (globals.json) printJson({ servers: servers.map(toJson) });
    else report(servers);
    return servers.every(({ state }) => state.kind === 'up') ? EXIT.done : EXIT.failed;
  });
};

const accept = async (server: Looked, isYes: boolean): Promise<boolean> => {
  if (isYes) return true;
  if (!isInteractive()) {
    throw new UsageError('nothing was pinned: a person has to agree.', `holdfast mcp pin ${server.server} --yes`);
  }
  const message = `Pin the tools of ${server.server} as they are now?`;
  const answer = await prompt(
    async (signal) => await confirm({ message, initialValue: false, output: process.stderr, signal }),
  );
  return answer === true;
};

const surfacesOf = ({ tools }: ServerSurface): Readonly<Record<string, Digest>> =>
  Object.fromEntries(
    tools.flatMap(({ listedName, digest }) =>
      listedName === undefined || digest === undefined ? [] : [[listedName, digest]],
    ),
  );

const pinCommand = (): Command => {
  const command = new Command('pin')
    .summary('accept the tools of a server as they are now')
    .description(
      'Shows the tools of a server and pins them: a tool that changed, or that is new, asks on every call until then. Workers take new pins over by themselves, within half a minute.',
    )
    .argument('<server>', 'a key of mcpServers')
    .option('--yes', 'without asking');
  withExamples(command, ['holdfast mcp pin files', 'holdfast mcp pin files --yes']);
  return onCall<{ readonly yes?: boolean }>(command, async ({ args: [name = ''], options, globals }) => {
    const { withMcpServers } = await import('./mcp-session.ts');
    return await withMcpServers({ globals, only: name }, async (session) => {
      const [server] = await session.look();
      if (server === undefined || server.state.kind !== 'up') {
        const why = server === undefined ? 'it is not there' : whyNotUp(server);
        throw new UsageError(`nothing was pinned: ${name} cannot be reached: ${why}`, 'holdfast mcp list');
      }
      if (!globals.json) report([server]);
      if (!(await accept(server, options.yes === true))) {
        note('nothing was pinned');
        return EXIT.failed;
      }
      const surfaces = surfacesOf(server);
      await session.pins.repin(server.identity, surfaces);
      if (globals.json) printJson({ server: name, identity: server.identity, pinned: surfaces });
      else note(`${Object.keys(surfaces).length} tools of ${name} are pinned`);
      return EXIT.done;
    });
  });
};

/** `holdfast mcp`: what the MCP servers show, and the pins of it. */
export const mcpCommand = (): Command => {
  const command = new Command('mcp')
    .summary('MCP servers: tools, effects, pins')
    .description('Shows what the MCP servers of the configuration offer, and pins it.')
    .addCommand(listCommand())
    .addCommand(pinCommand());
  return withExamples(command, ['holdfast mcp list', 'holdfast mcp pin files']);
};
