/** What a worker of the bench is given, as JSON in its first argument. */
export type WorkerOptions = {
  readonly address: string;
  /** URL of the control store; the hand-written side has none. */
  readonly store: string;
  readonly taskQueue: string;
  readonly bundle: string;
  readonly modelUrl: string;
  readonly heartbeatTimeout?: `${number}s`;
  readonly stickyTimeout?: `${number}s`;
  readonly maxCachedWorkflows?: number;
  /** The gateway reduced to running the tool. */
  readonly reduced?: boolean;
  /** Where tools note that they ran. */
  readonly runsFile?: string;
  /** Runs `dist/` in place of the sources. */
  readonly built?: boolean;
  /** Host and port where the SDK's metrics are to be served. */
  readonly metrics?: string;
};

/** What a child reports. */
export type Report =
  | { readonly kind: 'ready'; readonly url?: string }
  | {
      readonly kind: 'request';
      readonly id: string;
      readonly step: number;
      readonly attempt: number;
      readonly at: number;
    }
  | { readonly kind: 'hanging' }
  | { readonly kind: 'heap'; readonly used: number };

/** In a child: tells the bench something. */
export const tell = (report: Report): void => {
  process.send?.(report);
};

/** In a child: its options. */
export const readOptions = (): WorkerOptions => JSON.parse(process.argv[2] ?? '{}') as WorkerOptions;

/** In a child: ends with the bench, however that ends. Ctrl-C reaches all of the terminal's processes; the bench decides. */
export const endWithParent = (): void => {
  process.once('disconnect', () => process.exit());
  process.on('SIGINT', () => undefined);
};
