import { glob } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { Command } from 'commander';
import type { CaseAnswer, CaseResult } from '../policy/cases.ts';
import { onCall, withExamples } from './command.ts';
import { EXIT } from './exit-code.ts';
import { UsageError } from './failure.ts';
import { note, notePaint, paint, print, printJson } from './terminal.ts';
import { clean, oneLine, table } from './text.ts';

const CASE_FILES = '**/*.test.{yaml,yml,json}';

const warn = (message: string): void => note(`${notePaint.yellow('warning:')} ${clean(message)}`);

/** Files named on the command line, else those under `policies/` beside the configuration. */
const findCaseFiles = async (named: readonly string[], baseDir: string): Promise<readonly string[]> => {
  if (named.length > 0) return named.map((each) => resolve(each));
  const folder = resolve(baseDir, 'policies');
  const found: string[] = [];
  for await (const path of glob(CASE_FILES, { cwd: folder })) found.push(resolve(folder, path));
  if (found.length > 0) return found.sort();
  throw new UsageError(`there is no ${CASE_FILES} in ${folder}.`, 'Name the files: holdfast policy test FILE…');
};

const answerText = (action: string, { decision, policies, reasons }: CaseAnswer): string[] => {
  const word = decision === 'allow' ? paint.green('allow') : paint.yellow('deny');
  const why = policies.length > 0 ? policies.join(', ') : reasons.map(({ message }) => message).join('; ');
  return [`    ${action}`, word, paint.dim(oneLine(why, 160))];
};

const printCase = ({ name, tool, call, callUnattended, failures }: CaseResult): void => {
  const mark = failures.length === 0 ? paint.green('✓') : paint.red('✗');
  print(`  ${mark} ${oneLine(name, 120)} ${paint.dim(oneLine(tool, 60))}`);
  for (const line of table([answerText('call', call), answerText('callUnattended', callUnattended)])) print(line);
  for (const failure of failures) print(`    ${paint.red(oneLine(failure, 200))}`);
};

type FileResult = { readonly file: string; readonly cases: readonly CaseResult[] };

const report = (results: readonly FileResult[]): void => {
  for (const { file, cases } of results) {
    print(clean(file));
    for (const each of cases) printCase(each);
  }
  const all = results.flatMap(({ cases }) => cases);
  const failed = all.filter(({ failures }) => failures.length > 0).length;
  print(failed === 0 ? `${all.length} cases passed` : `${failed} of ${all.length} cases failed`);
};

/** `holdfast policy test`: example requests, and what the policies decide about them. */
const testCommand = (): Command => {
  const command = new Command('test')
    .summary('ask the policies about example requests')
    .description(
      'Asks the policies about the example requests in files, prints decisions and determining policies, and ends with 1 when an expectation is not met. Runs the configuration, if it is code; starts no server and no tool.',
    )
    .argument('[files...]', 'YAML or JSON; default: policies/**/*.test.{yaml,yml,json} beside the configuration');
  withExamples(command, [
    'holdfast policy test',
    "holdfast policy test refunds.test.yaml --json | jq '.files[].cases[].failures'",
  ]);
  return onCall(command, async ({ globals }) => {
    const { readCaseFile, readPolicySetting } = await import('./policy-setting.ts');
    const { runCases } = await import('../policy/cases.ts');
    const setting = await readPolicySetting(globals);
    const named = command.processedArgs.flat().filter((each): each is string => typeof each === 'string');
    const results: FileResult[] = [];
    for (const path of await findCaseFiles(named, setting.files.baseDir)) {
      const file = await readCaseFile(path);
      const files = file.policies === undefined ? setting.files : { patterns: file.policies, baseDir: dirname(path) };
      results.push({ file: relative('', path), cases: await runCases(file, { tools: setting.tools, files, warn }) });
    }
    const isOk = results.every(({ cases }) => cases.every(({ failures }) => failures.length === 0));
    if (globals.json) printJson({ ok: isOk, files: results });
    else report(results);
    return isOk ? EXIT.done : EXIT.failed;
  });
};

/** `holdfast policy check`: do the policies parse, and do they fit the tools? */
const checkCommand = (): Command => {
  const command = new Command('check')
    .summary('check the policies against the tools')
    .description(
      'Checks the policies of the configuration against the tools of its agents, as a worker does when it starts, and lists both. Runs the configuration, if it is code; MCP servers are not started, so rules on their tools are not known here.',
    )
    .option('--schema', 'print the vocabulary with these tools as a Cedar schema');
  withExamples(command, ['holdfast policy check', 'holdfast policy check --schema > policies.cedarschema']);
  return onCall<{ readonly schema?: boolean }>(command, async ({ options, globals }) => {
    const { readPolicySetting } = await import('./policy-setting.ts');
    const { describeSet } = await import('../policy/describe-set.ts');
    const { files, tools } = await readPolicySetting(globals);
    // The vocabulary depends on the tools only: who looks it up to mend a policy must get it.
    const isVocabulary = options.schema === true && !globals.json;
    const found = await describeSet(isVocabulary ? { ...files, patterns: [] } : files, tools);
    for (const warning of found.warnings) warn(warning);
    if (globals.json) printJson(found);
    else if (isVocabulary) print(found.schema);
    else {
      for (const line of table(
        found.policies.map(({ id, effect, where }) => [clean(id), effect, paint.dim(clean(where))]),
      ))
        print(line);
      if (found.tools.length > 0) print('');
      for (const line of table(found.tools.map(({ name, type }) => [clean(name), paint.dim(clean(type))]))) print(line);
      if (found.tools.length === 0)
        note('no tools are known here: those of MCP servers and of no configuration are not');
      print(`\n${found.policies.length} policies, ${found.tools.length} tools, ${found.digest}`);
    }
    return EXIT.done;
  });
};

/** `holdfast policy`: what the rules are, and what they decide. */
export const policyCommand = (): Command =>
  withExamples(
    new Command('policy')
      .summary('check and test policies')
      .description('Checks policies against the tools, and tests them with example requests.')
      .addCommand(testCommand())
      .addCommand(checkCommand()),
    ['holdfast policy check', 'holdfast policy test refunds.test.yaml'],
  );
