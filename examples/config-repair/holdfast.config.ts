import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, type ConfigInput, defineConfig } from 'holdfast';
import { createAgent } from './agent.ts';

const read = (name: string): string => {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new ConfigError(`${name} is not set. main.ts sets it: start the example with \`npm start\`.`);
  return value;
};

const chooseModel = (): ConfigInput['models'][string] => {
  const { OPENAI_API_KEY, OPENAI_MODEL, OPENAI_BASE_URL } = process.env;
  if (OPENAI_API_KEY === undefined || OPENAI_API_KEY === '')
    return { model: 'scripted', baseURL: read('CONFIG_REPAIR_MODEL_URL'), contextWindow: 128_000 };
  return {
    model: OPENAI_MODEL ?? 'gpt-5-mini',
    apiKey: { env: 'OPENAI_API_KEY' },
    ...(OPENAI_BASE_URL === undefined ? {} : { baseURL: OPENAI_BASE_URL }),
  };
};

// Only `--auto` sets it: the answer of the first write is held back, so that the kill falls between effect and answer.
const heldBackMs = Number(process.env['CONFIG_REPAIR_HOLD_MS'] ?? 0);

export default defineConfig({
  models: { default: chooseModel() },
  agents: [
    createAgent({
      root: read('CONFIG_REPAIR_ROOT'),
      serviceUrl: read('CONFIG_REPAIR_SERVICE_URL'),
      afterEffect: async (tool, signal) => {
        if (tool === 'files.write' && heldBackMs > 0) await sleep(heldBackMs, undefined, { signal });
      },
    }),
  ],
});
