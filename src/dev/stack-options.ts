import type { ConnectionOptions } from '@temporalio/client';
import type { OnProgress } from './progress.ts';
import type { StackError } from './stack-error.ts';

/** What the local stack consists of and where it keeps its state. */
export type StackOptions = {
  /** The folder for `dev.json` and the databases; made when it is not there. */
  readonly dataDir: string;
  /** Keeps nothing: Temporal's database in memory, the control store in a temporary folder. */
  readonly ephemeral?: boolean;
  /** Default 7233; 0 any free one. */
  readonly port?: number;
  /** Default 8233; 0 any free one. */
  readonly uiPort?: number;
  /** Default 7432; 0 any free one. */
  readonly storePort?: number;
  /** A configured Temporal: it is used, and no server is started. */
  readonly address?: string | undefined;
  /** What connecting to `address` needs (TLS, API key). */
  readonly connection?: Omit<ConnectionOptions, 'address'>;
  /** URL of a configured control store: it is used, and none is started. */
  readonly store?: string | undefined;
  /** Default `default`. */
  readonly namespace?: string;
  /** Default: the user's cache folder. */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: OnProgress;
  /** Called when a server ends although nobody stopped it. */
  readonly onServerExit?: (error: StackError) => void;
  /** Cancels the start; stops the stack once it runs. */
  readonly signal?: AbortSignal | undefined;
};

type Optional = 'address' | 'cacheDir' | 'store';

/** Options with defaults. */
export type StackSettings = Required<Omit<StackOptions, Optional | 'signal'>> &
  Pick<StackOptions, Optional> & { readonly signal: AbortSignal };

/** What holds where nothing is said. */
export const STACK_DEFAULTS = {
  ephemeral: false,
  port: 7233,
  uiPort: 8233,
  storePort: 7432,
  connection: {},
  namespace: 'default',
  onProgress: () => undefined,
  onServerExit: () => undefined,
};
