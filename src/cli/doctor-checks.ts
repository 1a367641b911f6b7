import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AgentClient } from '../client.ts';
import { readEnvironment, resolveTemporal } from '../config.ts';
import { missingSearchAttributes } from '../dev/search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../domain/task.ts';
import type { Globals } from './command.ts';
import { countPollers, withClient } from './connect.ts';
import { type DataConfig, readDataConfig } from './data-config.ts';
import { describeFailure } from './failure.ts';
import { shellWord } from './text.ts';

/** One thing that was looked at. `warn` is no failure: it may be meant so. */
export type Check = {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** Commands or steps that cure it. */
  readonly fix: readonly string[];
};

const ok = (name: string, message: string): Check => ({ name, status: 'ok', message, fix: [] });

const failed = (name: string, error: unknown): Check => {
  const { message, help } = describeFailure(error);
  return { name, status: 'fail', message, fix: help === '' ? [] : [help] };
};

const attempt = async (name: string, check: () => Promise<Check>): Promise<Check> =>
  await check().catch((error: unknown) => failed(name, error));

/** Of a secret only whether it is there. */
const checkVariable = (name: string, variable: string): Check =>
  (process.env[variable] ?? '') !== ''
    ? ok(name, `${variable} is set here`)
    : {
        name,
        status: 'warn',
        message: `${variable} is not set here`,
        fix: [`Set ${variable} where the worker runs.`],
      };

const checkKeys = (config: DataConfig): Check[] => {
  if (config.kind !== 'data') return [];
  return Object.entries(config.config.models).map(([model, { apiKey }]) => {
    const name = `model ${model}`;
    return apiKey === undefined ? ok(name, 'needs no key') : checkVariable(name, apiKey.env);
  });
};

/** Keys that signed decisions are checked with: a worker that cannot read them does not start. */
const checkSigners = async (config: DataConfig): Promise<Check[]> => {
  const { signers = [] } = (config.kind === 'data' ? config.config.approvals : undefined) ?? {};
  if (config.kind !== 'data' || signers.length === 0) return [];
  const { keySource } = await import('../signers/key-source.ts');
  const folder = dirname(config.file);
  return signers.map((signer, at) => {
    const name = `signer ${signer.issuer}`;
    try {
      keySource(signer, { at, folder, warn: () => undefined });
      return ok(name, 'its keys are where they are said to be');
    } catch (error) {
      // The message says what to do.
      return { ...failed(name, error), fix: [] };
    }
  });
};

const checkWebhooks = (config: DataConfig): Check[] => {
  const { webhooks = [] } = config.kind === 'data' ? config.config : {};
  return webhooks.map(({ name, secret }) => checkVariable(`webhook ${name}`, secret.env));
};

/** Rules of which a worker warns at its start. */
const checkRules = async (config: DataConfig): Promise<Check[]> => {
  const { rules = [], signers = [] } = (config.kind === 'data' ? config.config.approvals : undefined) ?? {};
  if (config.kind !== 'data' || rules.length === 0) return [];
  const [{ toApprovalRules }, { idleRules }, { missingFallbacks }] = await Promise.all([
    import('../domain/schemas/approvals.ts'),
    import('../signers/idle-rules.ts'),
    import('../signers/fallback-rules.ts'),
  ]);
  const approvalRules = toApprovalRules(rules);
  const name = 'approval rules';
  const warnings = [...idleRules(approvalRules, signers), ...missingFallbacks(approvalRules, config.config.agents)];
  if (warnings.length === 0) return [ok(name, `${rules.length} hold together`)];
  return warnings.map((message) => ({ name, status: 'warn', message, fix: [] }));
};

const NO_CONFIG: Check = {
  name: 'configuration',
  status: 'warn',
  message: 'no holdfast.config.* here or above',
  fix: ['holdfast init DIR makes a project; --config FILE names a file.'],
};

const checkConfig = async (globals: Globals): Promise<readonly Check[]> => {
  const name = 'configuration';
  try {
    const config = await readDataConfig(globals);
    if (config.kind === 'none') return [NO_CONFIG];
    if (config.kind === 'code' && !existsSync(config.file)) throw new Error(`there is no file ${config.file}`);
    const message = config.kind === 'code' ? `${config.file} (found, not run)` : `${config.file} is valid`;
    return [
      ok(name, message),
      ...checkKeys(config),
      ...checkWebhooks(config),
      ...(await checkSigners(config)),
      ...(await checkRules(config)),
    ];
  } catch (error) {
    return [{ ...failed(name, error), fix: ['`holdfast schema config` prints what a configuration may hold.'] }];
  }
};

const checkSearchAttributes = async ({ temporal }: AgentClient, address: string): Promise<Check> => {
  const name = 'search attributes';
  const { namespace } = temporal.options;
  const missing = await missingSearchAttributes(temporal.connection as never, namespace);
  if (missing.length === 0) return ok(name, `all ${Object.keys(SEARCH_ATTRIBUTES).length} are there`);
  const where = `--address ${shellWord(address)} --namespace ${shellWord(namespace)}`;
  const fix = missing.map(
    (each) => `temporal operator search-attribute create ${where} --name ${each} --type ${SEARCH_ATTRIBUTES[each]}`,
  );
  return {
    name,
    status: 'fail',
    message: `missing: ${missing.join(', ')}; tasks run, but lists and inbox cannot find them`,
    fix,
  };
};

const checkWorker = async (client: AgentClient, taskQueue: string): Promise<Check> => {
  const name = 'worker';
  const count = await countPollers(client, taskQueue);
  if (count > 0) return ok(name, `${count} poll${count === 1 ? 's' : ''} the task queue ${taskQueue}`);
  return {
    name,
    status: 'fail',
    message: `none polls the task queue ${taskQueue}: tasks wait`,
    fix: ['Start one with `holdfast worker`, or `holdfast dev`.'],
  };
};

const checkServer = async (globals: Globals): Promise<Check[]> => {
  const { address, source, namespace } = resolveTemporal(globals);
  try {
    return await withClient(globals, async (client) => {
      const reached = ok('Temporal', `${address} answers (address from: ${source})`);
      const found = await attempt('namespace', async () => {
        await client.temporal.workflowService.describeNamespace({ namespace });
        return ok('namespace', namespace);
      });
      if (found.status === 'fail') return [reached, found];
      const { HOLDFAST_TASK_QUEUE: taskQueue } = readEnvironment();
      return [
        reached,
        found,
        await attempt('search attributes', async () => await checkSearchAttributes(client, address)),
        await attempt('worker', async () => await checkWorker(client, taskQueue)),
      ];
    });
  } catch (error) {
    const fix = 'Run `holdfast dev`, which brings one, or name one: --address HOST:PORT, or TEMPORAL_ADDRESS.';
    return [{ ...failed('Temporal', error), fix: [fix] }];
  }
};

const checkStoreOf = async (globals: Globals): Promise<readonly Check[]> => {
  try {
    const { checkStore } = await import('./doctor-store.ts');
    // A configuration that is not valid is reported already.
    const config = await readDataConfig(globals).catch(() => ({ kind: 'none' as const }));
    return await checkStore(config, resolveTemporal(globals).namespace);
  } catch (error) {
    const { message } = failed('control store', error);
    return [{ name: 'control store', status: 'fail', message, fix: ['Check HOLDFAST_STORE_URL, or store.url.'] }];
  }
};

/** Looks at everything that a first task needs, without running any configuration. */
export const runChecks = async (globals: Globals): Promise<readonly Check[]> => {
  // A Node that is too old does not come this far: the command refuses to start.
  return [
    ok('Node.js', process.versions.node),
    ...(await checkConfig(globals)),
    ...(await checkServer(globals)),
    ...(await checkStoreOf(globals)),
  ];
};
