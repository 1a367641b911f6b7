/** Things to close, in the opposite order: also when a later part could not be made. */
export class Closing {
  readonly #all: (() => Promise<void> | void)[] = [];

  /** Adds what was made, and how it is closed. @returns it */
  add<T>(part: T, close: (part: T) => Promise<void> | void): T {
    this.#all.push(() => close(part));
    return part;
  }

  /** Closes all of it, once. */
  async run(): Promise<void> {
    for (const close of this.#all.splice(0).toReversed()) await close();
  }
}
