import { isInteractive, note, notePaint } from './terminal.ts';
import { oneLine, span } from './text.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const FRAME_MS = 100;
const CLEAR = '\r\u001B[2K';

/** Lines of progress on stderr and, on a terminal, a line below them that moves. Can be held while a question stands there. */
export class ProgressView {
  readonly #moves = isInteractive();
  #doing = 'starting';
  #since = Date.now();
  #frame = 0;
  #isClosed = false;
  #held: string[] | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor() {
    if (this.#moves) this.#timer = setInterval(() => this.#draw(), FRAME_MS);
  }

  /** Writes lines above the moving one. */
  write(lines: readonly string[]): void {
    if (this.#held !== undefined) {
      this.#held.push(...lines);
      return;
    }
    this.#clear();
    for (const line of lines) note(line);
    this.#draw();
  }

  /** Says what is under way; the clock beside it starts anew when that is something else. */
  doing(what: string): void {
    if (what === this.#doing) return;
    this.#doing = what;
    this.#since = Date.now();
  }

  /** Leaves the terminal to a question; lines wait until `release`. */
  hold(): void {
    this.#clear();
    this.#held ??= [];
  }

  release(): void {
    const lines = this.#held ?? [];
    this.#held = undefined;
    this.write(lines);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#isClosed = true;
    this.release();
  }

  #clear(): void {
    if (this.#moves) process.stderr.write(CLEAR);
  }

  #draw(): void {
    if (!this.#moves || this.#isClosed || this.#held !== undefined) return;
    this.#frame = (this.#frame + 1) % FRAMES.length;
    // A line that wraps could not be cleared.
    const room = Math.max(20, (process.stderr.columns ?? 80) - 4);
    const text = oneLine(`${this.#doing}  ${span(Date.now() - this.#since)}`, room);
    process.stderr.write(`${CLEAR}${notePaint.cyan(FRAMES[this.#frame] ?? '')} ${notePaint.dim(text)}`);
  }
}
