/** What rows belong to: effects, audit and artifacts to a namespace; limits, policy sets and pins to a task queue in it. */
export type Scope = { readonly namespace: string; readonly taskQueue: string };
