// Makes sure that what a command needs is there, then runs it: `node scripts/ready.mjs SCRIPT [ARGS…]`.
// Dependencies are installed when they are missing or other than package-lock.json says, dist/ is built when it is missing
// or older than the sources, and SCRIPT runs on the Node.js that the project brings along.
// Plain JavaScript without dependencies: this file runs before anything is installed, and on Node.js 18, too.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const isWindows = process.platform === 'win32';
const ownNode = join(modules, 'node', 'bin', isWindows ? 'node.exe' : 'node');
const bundle = join(root, 'dist', 'workflow-bundle.js');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const say = (line) => process.stderr.write(`${line}\n`);

class Problem extends Error {}

/** Runs a program; what it writes goes to stderr, at once or (`quiet`) only into the result. */
const run = (command, args, { quiet = false, shell = false, cwd = root, env = process.env } = {}) =>
  new Promise((done) => {
    const child = spawn(command, args, {
      cwd,
      env,
      shell,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
    child.once('error', (error) => done({ code: 1, output: `${command} cannot be started: ${error.message}` }));
    child.once('close', (code) => done({ code: code ?? 1, output: output.trim() }));
  });

const readPackages = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return null;
  }
};

/** Whether node_modules has what package-lock.json says; npm keeps its own list of what it installed. */
const isInstalled = () => {
  const wanted = readPackages(join(root, 'package-lock.json'));
  const found = readPackages(join(modules, '.package-lock.json'));
  if (wanted === null) throw new Problem('package-lock.json is missing or not readable; this is no complete checkout.');
  if (found === null) return false;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    const there = found[path];
    if (path === '' || link || (there === undefined && optional)) return true;
    return there !== undefined && there.version === version && existsSync(join(root, path));
  });
};

/** npm without this project's own Node.js first on PATH: an installation replaces that one. */
const npmEnvironment = () => {
  const name = Object.keys(process.env).find((each) => each.toUpperCase() === 'PATH') ?? 'PATH';
  const folders = (process.env[name] ?? '')
    .split(delimiter)
    .filter((folder) => resolve(folder) !== join(modules, '.bin'));
  return { ...process.env, [name]: folders.join(delimiter) };
};

const npm = (args) =>
  run('npm', [...args, '--loglevel=error', '--no-audit', '--no-fund'], {
    quiet: true,
    shell: isWindows,
    env: npmEnvironment(),
  });

const install = async () => {
  say('Installing dependencies (only now, about half a minute) …');
  const since = Date.now();
  const timer = setInterval(() => say(`  … still installing, ${Math.round((Date.now() - since) / 1000)} s`), 10_000);
  try {
    let result = await npm(['ci']);
    // A registry that lacks packages of other platforms leaves them out of the lock file, and `npm ci` then refuses it.
    if (result.code !== 0 && /EUSAGE|in sync/.test(result.output)) result = await npm(['install', '--no-save']);
    if (result.code !== 0)
      throw new Problem(
        `npm could not install the dependencies:\n${result.output}\nRun \`npm ci\` in ${root} to see more.`,
      );
  } finally {
    clearInterval(timer);
  }
  say(`Installed in ${Math.round((Date.now() - since) / 1000)} s.`);
};

/** The package `node` brings a Node.js by its install script, which npm may refuse to run; here it is run by hand. */
const fetchNode = async () => {
  if (existsSync(ownNode) || !existsSync(join(modules, 'node', 'installArchSpecificPackage.js'))) return;
  say('Fetching the Node.js of this project …');
  await run(process.execPath, ['installArchSpecificPackage'], {
    cwd: join(modules, 'node'),
    quiet: true,
    env: npmEnvironment(),
  });
  const link = join(modules, '.bin', 'node');
  if (existsSync(ownNode) && !isWindows && !existsSync(link)) symlinkSync(join('..', 'node', 'bin', 'node'), link);
};

/** The project's own Node.js, or this one where that is new enough. */
const chooseNode = () => {
  if (existsSync(ownNode)) return ownNode;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major >= 24 || (major === 22 && minor >= 18)) return process.execPath;
  throw new Problem(
    `Node.js 22.18 or 24 is needed; this is ${process.versions.node}, and ${ownNode} could not be fetched. Install one from https://nodejs.org`,
  );
};

/** When a file or anything in a folder last changed; folders count, for what was removed. */
const changedAt = (path) => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
};

const isBuilt = () => {
  // The bundle is written last, so a build that was cut short does not count.
  const built = statSync(bundle, { throwIfNoEntry: false });
  const sources = ['src', 'scripts/build.ts', 'tsconfig.json', 'tsconfig.build.json'].map((path) =>
    changedAt(join(root, path)),
  );
  return built !== undefined && built.mtimeMs >= Math.max(...sources);
};

const build = async (node) => {
  say('Building dist …');
  const since = new Date();
  const { code, output } = await run(node, ['scripts/build.ts'], { quiet: true });
  if (code !== 0 || !existsSync(bundle)) throw new Problem(`dist could not be built:\n${output}`);
  // Sources that changed while it was being built make it old.
  utimesSync(bundle, since, since);
};

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Keeps two of these from installing or building at the same time. */
const locked = async (use) => {
  const file = join(root, '.holdfast', 'ready.lock');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  for (let isTold = false; ; ) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw new Problem(`${file} cannot be written: ${error.message}`);
      const holder = Number(existsSync(file) ? readFileSync(file, 'utf8') : 0);
      if (holder > 0 && !isAlive(holder)) rmSync(file, { force: true });
      else if (!isTold) {
        say(`Waiting for another run that installs or builds (process ${holder}) …`);
        isTold = true;
      }
      await new Promise((done) => setTimeout(done, 200));
    }
  }
  try {
    return await use();
  } finally {
    rmSync(file, { force: true });
  }
};

const prepare = async () => {
  if (!isInstalled()) await locked(async () => isInstalled() || (await install()));
  if (!existsSync(ownNode)) await locked(fetchNode);
  const node = chooseNode();
  if (!isBuilt()) await locked(async () => isBuilt() || (await build(node)));
  return node;
};

/** Runs the script in place of this process: its terminal, its signals, its end. */
const become = (node, args) => {
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of SIGNALS) {
    // Ctrl-C in a terminal reaches the child by itself; a second one would mean: at once.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
  }
  child.once('error', (error) => {
    say(`error: ${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const each of SIGNALS) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
};

const args = process.argv.slice(2);
try {
  const node = await prepare();
  if (args.length > 0) become(node, args);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  say(`error: ${error.message}`);
  process.exitCode = 1;
}
