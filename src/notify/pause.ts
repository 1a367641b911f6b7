/** A pause that can be ended early. */
export class Pause {
  #end: (() => void) | undefined;
  #isEnded = false;

  /** Ends the pause, or the next one where none is now. */
  end(): void {
    this.#isEnded = true;
    this.#end?.();
  }

  /** @param ms at the longest */
  async take(ms: number): Promise<void> {
    if (!this.#isEnded) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#isEnded = false;
    this.#end = undefined;
  }
}
