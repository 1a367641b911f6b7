import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import { reportElapsed } from './progress.ts';
import { runCommand } from './run-command.ts';
import { type CliSearch, readCliVersion, TEMPORAL_CLI_FILE, TEMPORAL_CLI_VERSION } from './temporal-cli.ts';

// Blocked networks often swallow packets: then there is no refusal, only silence.
const CONNECT_MS = 10_000;
const TRANSFER_MS = 600_000;

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };
const ARCHITECTURES: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64' };

/** The official archive of the CLI for this system. */
export const officialDownloadUrl = (): string => {
  const platform = PLATFORMS[process.platform] ?? process.platform;
  const arch = ARCHITECTURES[process.arch] ?? process.arch;
  return `https://temporal.download/cli/archive/v${TEMPORAL_CLI_VERSION}?platform=${platform}&arch=${arch}`;
};

const connect = async ({ downloadUrl, signal }: CliSearch): Promise<ReadableStream<Uint8Array>> => {
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(new Error(`no answer within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  const stops = [slow.signal, AbortSignal.timeout(TRANSFER_MS), ...(signal === undefined ? [] : [signal])];
  try {
    const response = await fetch(downloadUrl, { signal: AbortSignal.any(stops) });
    if (!response.ok || response.body === null) throw new Error(`the server answers ${response.status}`);
    return response.body;
  } finally {
    clearTimeout(timer);
  }
};

const isGzip = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
};

const unpack = async (archive: string, folder: string, search: CliSearch): Promise<void> => {
  if (process.platform === 'win32') {
    // The archive for Windows is a zip, and the tar of Windows reads those.
    await runCommand('tar', { args: ['-xf', archive, '-C', folder], env: search.env, signal: search.signal });
    return;
  }
  if (!(await isGzip(archive))) throw new Error('what came is not a gzip archive');
  const found: string[] = [];
  await extract({
    file: archive,
    cwd: folder,
    filter: (path) => path === TEMPORAL_CLI_FILE,
    onReadEntry: (entry) => found.push(entry.path),
  });
  if (!found.includes(TEMPORAL_CLI_FILE)) throw new Error(`the archive holds no ${TEMPORAL_CLI_FILE}`);
};

/**
 * Downloads the official CLI to `target`; the file appears there whole or not at all, and only if it runs.
 * @throws Error with the reason, after 10 s when the server does not answer
 */
export const downloadCli = async (search: CliSearch, target: string): Promise<string> => {
  const body = await connect(search);
  await mkdir(dirname(target), { recursive: true });
  const folder = await mkdtemp(join(dirname(target), 'download-'));
  const done = reportElapsed(search.onProgress, (seconds) => `downloading the Temporal CLI: ${seconds} s`);
  search.onProgress(`downloading the Temporal CLI ${TEMPORAL_CLI_VERSION} (once)`);
  try {
    const archive = join(folder, 'archive');
    await pipeline(Readable.fromWeb(body), createWriteStream(archive), { signal: search.signal });
    await unpack(archive, folder, search);
    const binary = join(folder, TEMPORAL_CLI_FILE);
    await chmod(binary, 0o755);
    await readCliVersion(binary, search);
    await rename(binary, target);
    return target;
  } finally {
    done();
    await rm(folder, { recursive: true, force: true });
  }
};
