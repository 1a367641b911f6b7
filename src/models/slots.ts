/** What a request asks for before it goes to a provider. */
export type SlotRequest = {
  /** The model's name in the configuration: what the limit belongs to. */
  readonly model: string;
  /** Same for every attempt of one proposal, so that a retry takes over its own slot instead of a second one. */
  readonly holder: string;
  readonly limit: number;
  /** After this the slot counts as free, whatever became of its holder. */
  readonly ttlMs: number;
  readonly signal: AbortSignal;
};

/** Bounds how many requests one model serves at a time, over all workers. */
export type ModelSlots = {
  /**
   * Waits for a slot and gives the function that frees it.
   * @throws ApplicationFailure `Model.Busy` when none came free in time
   */
  readonly acquire: (request: SlotRequest) => Promise<() => Promise<void>>;
};
