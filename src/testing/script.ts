import type { Decision } from '../domain/proposal.ts';

/** A tool call in a script. */
export type ScriptedCall = {
  /** The tool's own name, such as `files.read`, or the name that was offered. */
  readonly tool: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Absent: a plausible one. `null`: none. Anything else goes out as it is. */
  readonly decision?: Partial<Decision> | null;
  /** The provider's id of the call; by default unique and the same for every attempt. */
  readonly id?: string;
  /** Text to send in place of arguments made from `args`, broken JSON for one. */
  readonly rawArguments?: string;
};

/** What the server does in place of a good answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown }
  | { readonly drop: 'before' | 'mid-body' }
  | 'broken-json'
  | 'html'
  | 'hang';

/** Token counts to report. */
export type ScriptedUsage = {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cachedTokens?: number;
};

/** One answer of the scripted model. */
export type Turn = {
  readonly text?: string;
  /** Sends this as JSON in place of a text. */
  readonly json?: unknown;
  /**
   * In a list: answers requests for structured output of this name, such as `minimal_grants`, and nothing else. Several of
   * one name answer by place among themselves.
   */
  readonly format?: string;
  readonly calls?: readonly ScriptedCall[];
  /** By default a quarter of the characters; `null`: the answer has none. */
  readonly usage?: ScriptedUsage | null;
  /** Responses only: sends an encrypted reasoning item, and refuses requests that do not bring it back unchanged. */
  readonly reasoning?: boolean;
  readonly finish?: 'length';
  readonly refusal?: string;
  readonly fault?: Fault;
  /** Gives the fault only to the first so many attempts of this step; by default to all. */
  readonly times?: number;
  /** Time before anything is answered. */
  readonly delayMs?: number;
};

/** A tool call as it stands in a request. */
export type TranscriptCall = { readonly id: string; readonly name: string; readonly arguments: string };

/** One message of a request, whichever API it came by. */
export type ScriptedMessage = {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly calls?: readonly TranscriptCall[];
  readonly callId?: string;
};

/** A request as a script sees it. */
export type ScriptedTranscript = {
  /** Earlier answers in the request, and this one: from 1. */
  readonly step: number;
  /** The first user text, without the goal's input. */
  readonly goal: string;
  /** Names of the tools on offer. */
  readonly tools: readonly string[];
  /** JSON Schemas of their arguments, by name. */
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly messages: readonly ScriptedMessage[];
  /** Texts of all tool outputs, in order. */
  readonly results: readonly string[];
  /** Texts of the tool outputs after the last answer. */
  readonly lastResults: readonly string[];
  /** Which request of this step and first user text this is at this server, from 1. Tasks with equal goals share the count. */
  readonly attempt: number;
  /** Name of the structured output that is asked for: `final_output` in steps of an agent with an output schema. */
  readonly format?: string | undefined;
  /** The model that was asked for. */
  readonly model: string;
};

/**
 * What the model answers: by place (the request's step chooses, so a retry gets the same answer), or by a function.
 * After the last turn of a list it answers `script exhausted`. Requests for structured output other than an agent's final
 * answer are questions of the platform's own: they take turns of that `format` only, never one of the agent's.
 */
export type Script = readonly Turn[] | ((transcript: ScriptedTranscript) => Turn | Promise<Turn>);

/** The name under which a tool was offered. */
export const offeredName = (tool: string, offered: readonly string[]): string =>
  offered.includes(tool) ? tool : tool.replaceAll('.', '__');

/** Tells whether a format is a question of the platform's own; steps of an agent with an output schema ask for `final_output`. */
export const isOwnFormat = (format: string | undefined): format is string =>
  format !== undefined && format !== 'final_output';

/** The turn that a script gives for a request. */
export const chooseTurn = async (script: Script, transcript: ScriptedTranscript): Promise<Turn> => {
  if (typeof script === 'function') return script(transcript);
  const { format, step } = transcript;
  const isOwn = isOwnFormat(format);
  const turns = script.filter((turn) => turn.format === (isOwn ? format : undefined));
  return turns[step - 1] ?? { text: isOwn ? `script exhausted: no turn for the format ${format}` : 'script exhausted' };
};

/** The text of a turn. */
export const textOf = ({ text, json }: Turn): string | undefined => (json === undefined ? text : JSON.stringify(json));

/** A call's arguments as text: the raw ones, or `args` with a decision. */
export const argumentsText = ({ tool, args = {}, decision, rawArguments }: ScriptedCall): string => {
  if (rawArguments !== undefined) return rawArguments;
  const standard: Decision = {
    rationale: `The script calls ${tool} now.`,
    alternatives: [],
    confidence: 0.9,
    basis: ['goal'],
  };
  return JSON.stringify(decision === null ? args : { ...args, decision: decision ?? standard });
};
