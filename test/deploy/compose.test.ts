import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES } from '../../src/domain/task.ts';

type Service = {
  readonly image: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly restart: string;
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
};

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  version?: string;
  services: Record<string, Service>;
  volumes: object;
};
const services = Object.entries(compose.services).map(([name, service]) => ({ name, service }));
const { postgresql, store, schema, temporal, namespace, ui, worker } = compose.services;

describe('docker-compose.yml', () => {
  it('has no version key, and the services that the documentation names', () => {
    expect(compose.version).toBeUndefined();
    expect(Object.keys(compose.services)).toEqual([
      'postgresql',
      'store',
      'schema',
      'temporal',
      'namespace',
      'ui',
      'worker',
    ]);
  });

  it.each(services)('$name: a pinned image, a restart policy, ports on loopback only', ({ service }) => {
    expect(service.image).toMatch(/:\d+\.\d+(\.\d+)?$/);
    expect(service.restart).toMatch(/^(unless-stopped|on-failure:\d+)$/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it.each(services)('$name: secrets come from the environment and must be set', ({ service }) => {
    const secrets = Object.entries(service.environment ?? {}).filter(([name]) =>
      /PASSWORD|PWD|KEY|SECRET|TOKEN/.test(name),
    );
    for (const [name, value] of secrets) expect(`${name}=${value}`).toMatch(/=\$\{[A-Z_]+:\?.+\}$/);
  });

  it('starts each service when what it needs is there', () => {
    expect(schema?.depends_on).toEqual({ postgresql: { condition: 'service_healthy' } });
    expect(temporal?.depends_on).toEqual({ schema: { condition: 'service_completed_successfully' } });
    expect(namespace?.depends_on).toEqual({ temporal: { condition: 'service_healthy' } });
    expect(ui?.depends_on).toEqual({ temporal: { condition: 'service_healthy' } });
    expect(store?.depends_on).toEqual({ schema: { condition: 'service_completed_successfully' } });
    expect(worker?.depends_on).toEqual({
      namespace: { condition: 'service_completed_successfully' },
      store: { condition: 'service_completed_successfully' },
    });
    for (const service of [postgresql, temporal, worker]) expect(service?.healthcheck?.test.length).toBeGreaterThan(1);
  });

  it('registers every search attribute of tasks, with its type', () => {
    const added = [...(namespace?.command?.[0] ?? '').matchAll(/^add (\w+) (\w+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);

    expect(Object.fromEntries(added)).toEqual(SEARCH_ATTRIBUTES);
  });

  it('keeps the database, has shards to grow, and mounts the dynamic configuration where the server looks', () => {
    expect(postgresql?.volumes).toEqual(['postgresql:/var/lib/postgresql/data']);
    expect(compose.volumes).toHaveProperty('postgresql');
    expect(temporal?.environment).toMatchObject({ DB: 'postgres12', DB_PORT: '5432', NUM_HISTORY_SHARDS: '64' });
    const path = temporal?.environment?.['DYNAMIC_CONFIG_FILE_PATH'];
    expect(temporal?.volumes).toEqual([`./deploy/dynamicconfig.yaml:${path}:ro`]);
    const dynamic = parse(read('deploy/dynamicconfig.yaml')) as Record<string, { value: unknown }[]>;
    expect(dynamic['system.enableActivityEagerExecution']).toEqual([{ value: true }]);
    expect(dynamic['matching.enableFairness']).toEqual([{ value: true }]);
  });

  it('runs the worker without root and without a writable image', () => {
    expect(worker).toMatchObject({ user: 'node', read_only: true, cap_drop: ['ALL'] });
  });
});

describe('Dockerfile', () => {
  const last =
    read('Dockerfile')
      .split(/^FROM /m)
      .at(-1) ?? '';

  it('ends in a stage on glibc, not as root, with a health check, that starts the worker', () => {
    expect(last).toMatch(/^node:24-slim\n/);
    expect(last).toMatch(/^USER node$/m);
    expect(last).toContain('HEALTHCHECK');
    expect(last).toContain("fetch('http://127.0.0.1:8080/health')");
    expect(last).toMatch(/ENTRYPOINT \["node", "dist\/cli\/main\.js"\]\nCMD \["worker"\]\n$/);
  });

  it('takes production dependencies only, by the lock, into an image that has no sources', () => {
    expect(read('Dockerfile')).toMatch(/npm ci --omit=dev/);
    expect(last).not.toMatch(/COPY .*(src|scripts|\.env)/);
    expect(read('.dockerignore').split('\n')[0]).toBe('*');
  });
});
