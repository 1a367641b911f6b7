import type { End } from './state.ts';

/** Thrown where the task ends in the middle of its work; what it is about to do does not happen any more. */
export class Ending extends Error {
  readonly end: End;

  constructor(end: End) {
    super(end.reason ?? end.status);
    this.name = 'Ending';
    this.end = end;
  }
}
