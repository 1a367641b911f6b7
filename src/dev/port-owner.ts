import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A process that listens on a port; `command` is its command line, shortened, and may be empty. */
export type PortOwner = { readonly pid: number; readonly command: string };

const MAX_COMMAND_CHARS = 160;
const LISTEN_STATE = '0A';

const listeningInodes = async (port: number): Promise<ReadonlySet<string>> => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(['tcp', 'tcp6'].map(async (name) => await readText(`/proc/net/${name}`)));
  const rows = tables.flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)));
  return new Set(
    rows
      .filter((row) => row[1]?.endsWith(suffix) === true && row[3] === LISTEN_STATE)
      .map((row) => `socket:[${row[9]}]`),
  );
};

const readText = async (path: string): Promise<string> => await readFile(path, 'utf8').catch(() => '');

const hasSocket = async (pid: string, inodes: ReadonlySet<string>): Promise<boolean> => {
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(
    files.map(async (file) => await readlink(`/proc/${pid}/fd/${file}`).catch(() => '')),
  );
  return targets.some((target) => inodes.has(target));
};

const fromProc = async (port: number): Promise<PortOwner | null> => {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return null;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await hasSocket(pid, inodes))) continue;
    const command = (await readText(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim();
    return { pid: Number(pid), command: command.slice(0, MAX_COMMAND_CHARS) };
  }
  return null;
};

const fromLsof = async (port: number): Promise<PortOwner | null> => {
  const listed = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t']);
  const pid = Number(listed.stdout.trim().split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const command = await run('ps', ['-o', 'command=', '-p', String(pid)]);
  return { pid, command: command.stdout.trim().slice(0, MAX_COMMAND_CHARS) };
};

/** Who listens on a TCP port of this machine, null when the system does not tell (other users' processes, Windows). */
export const findPortOwner = async (port: number): Promise<PortOwner | null> =>
  await (process.platform === 'linux' ? fromProc(port) : fromLsof(port)).catch(() => null);
