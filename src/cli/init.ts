import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { initFiles } from './init-files.ts';
import { note, print, printJson } from './terminal.ts';
import { shellWord } from './text.ts';
import { readVersion } from './version.ts';

const packageName = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '') || 'agents';

const writeProject = async (folder: string): Promise<readonly string[]> => {
  const files = Object.entries(initFiles({ name: packageName(folder), version: readVersion() }));
  const existing = files.map(([name]) => name).filter((name) => existsSync(join(folder, name)));
  if (existing.length > 0) {
    throw new UsageError(
      `${folder} has ${existing.join(', ')} already; nothing was written.`,
      'Choose another folder: holdfast init DIR',
    );
  }
  await mkdir(folder, { recursive: true });
  // `wx`: whatever appears between the look and the writing is not overwritten either.
  for (const [name, content] of files) await writeFile(join(folder, name), content, { flag: 'wx' });
  return files.map(([name]) => join(folder, name));
};

/** `holdfast init [DIR]`: a project that works. */
export const initCommand = (): Command => {
  const command = new Command('init')
    .summary('make a project with an agent, tools and a test')
    .description('Makes a project that works: one agent, two tools, one test. Overwrites nothing.')
    .argument('[dir]', 'folder, made when it is not there', '.');
  withExamples(command, ['holdfast init my-agents && cd my-agents && npm install && npm test']);
  return onCall(command, async ({ args: [dir = '.'], globals }) => {
    const folder = resolve(dir);
    const files = await writeProject(folder);
    if (globals.json) printJson({ folder, files });
    else for (const file of files) print(relative(process.cwd(), file));
    note(`next: ${dir === '.' ? '' : `cd ${shellWord(dir)} && `}npm install && npm test`);
    return EXIT.done;
  });
};
