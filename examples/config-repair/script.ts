import type { Script, ScriptedCall, ScriptedTranscript, Turn } from 'holdfast/testing';
import { z } from 'zod';
import type { Repair } from './agent.ts';
import { Health } from './service.ts';

// A stand-in for a model. It keeps nothing to itself: what it says next follows from the transcript alone, as with a real
// one. So a step that is asked for twice gets the same answer, and what tools report decides what happens.

/** A call of an earlier answer, with what came of it. */
type Past = {
  readonly id: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly status: string;
  readonly output: string;
};

/** The marks around a tool's output: `[s2.c1 untrusted succeeded #1a2b3c4d]`, the output, `[/s2.c1 #1a2b3c4d]`. */
const FENCED = /^\[(\S+) (?:trusted|untrusted) (\w+) #(\w+)\]\n([\s\S]*)\n\[\/\1 #\3\]$/;

const readPast = ({ messages }: ScriptedTranscript): Past[] => {
  const outputs = new Map(messages.filter(({ role }) => role === 'tool').map(({ callId, text }) => [callId, text]));
  return messages
    .flatMap(({ calls = [] }) => calls)
    .flatMap((call) => {
      const [, id = '', status = '', , output = ''] = FENCED.exec(outputs.get(call.id) ?? '') ?? [];
      return id === ''
        ? []
        : [{ id, tool: call.name.replaceAll('__', '.'), args: JSON.parse(call.arguments), status, output }];
    });
};

/** What the past calls have brought to light so far. */
class Knowledge {
  readonly past: readonly Past[];

  constructor(transcript: ScriptedTranscript) {
    this.past = readPast(transcript);
  }

  all(tool: string, status = 'succeeded'): readonly Past[] {
    return this.past.filter((each) => each.tool === tool && each.status === status);
  }

  read(path: string): Past | undefined {
    return this.all('files.read').findLast(({ args }) => args['path'] === path);
  }

  get files(): readonly string[] {
    const [listed] = this.all('files.list');
    const parsed = z
      .object({ files: z.array(z.object({ path: z.string() })) })
      .safeParse(JSON.parse(listed?.output ?? '{}'));
    return parsed.data?.files.map(({ path }) => path) ?? [];
  }

  get rates(): readonly { readonly id: string; readonly rate: number; readonly health: Health }[] {
    return this.all('probe_service').map(({ id, output }) => {
      const health = Health.parse(JSON.parse(output));
      return { id, rate: health.errorRate, health };
    });
  }
}

/** A line of the change log: file, setting, old value, new value, reason. */
const CHANGE = /^- (\S+): (\w+) (\S+) -> (\S+) \((.*)\)$/;

type Change = {
  readonly file: string;
  readonly setting: string;
  readonly old: string;
  readonly now: string;
  readonly why: string;
};

/** The changes of the newest release in the change log. */
const newestChanges = (log: string): Change[] => {
  const newest = log.split(/^## /m)[1] ?? '';
  return newest.split('\n').flatMap((line) => {
    const [, file, setting, old, now, why] = CHANGE.exec(line) ?? [];
    return file && setting && old && now && why ? [{ file, setting, old, now, why }] : [];
  });
};

/** The change that the ticket's log lines speak of: they name the new value. */
const findSuspect = (log: string, ticket: string): Change | undefined =>
  newestChanges(log)
    .map((change) => ({
      change,
      named: ticket
        .split('\n')
        .filter((line) => line.includes('failed') && new RegExp(`\\b${change.now}\\b`).test(line)).length,
    }))
    .toSorted((a, b) => b.named - a.named)
    .find(({ named }) => named > 0)?.change;

const valueIn = (text: string, setting: string): string | undefined =>
  new RegExp(`^${setting}: *(.+?) *$`, 'm').exec(text)?.[1];

const scalar = (text: string): string | number => (Number.isFinite(Number(text)) ? Number(text) : text);

const percent = (rate: number): string => `${(rate * 100).toFixed(1)} %`;

type Decision = NonNullable<ScriptedCall['decision']>;

const because = (
  rationale: string,
  basis: readonly string[],
  confidence: number,
  alternatives: readonly [string, string][] = [],
): Decision => ({
  rationale,
  basis,
  confidence,
  alternatives: alternatives.map(([action, rejectedBecause]) => ({ action, rejectedBecause })),
});

const answer = (repair: Repair): Turn => ({ text: JSON.stringify(repair) });

const lookAround = (): Turn => ({
  text: 'First I want to know what is here.',
  calls: [
    {
      tool: 'files.list',
      args: { path: '.' },
      decision: because('I do not know the working folder yet, and the goal names no file.', ['goal'], 0.97, [
        ['read config/prod/checkout.yaml at once', 'the goal says that a change broke it, so its history comes first'],
      ]),
    },
  ],
});

const readHistory = (known: Knowledge, [log, ticket]: readonly [string, string]): Turn => {
  const basis = ['goal', known.all('files.list')[0]?.id ?? 's1.c1'];
  return {
    text: 'The change log says what changed, the ticket what is seen.',
    calls: [
      {
        tool: 'files.read',
        args: { path: log },
        decision: because('The error rate doubled after a change: the change log lists them.', basis, 0.95),
      },
      {
        tool: 'files.read',
        args: { path: ticket },
        decision: because('The ticket says when it began and how the failures look.', basis, 0.95),
      },
    ],
  };
};

const followSuspect = ({ file, setting, now }: Change, basis: readonly string[]): Turn => ({
  text: `The failures in the ticket name ${now}, which is the new value of ${setting}.`,
  calls: [
    {
      tool: 'files.search',
      args: { text: setting, path: 'config' },
      decision: because(
        `I want every place that sets ${setting}, staging included: staging is healthy and shows a value that works.`,
        basis,
        0.85,
        [['read every file below config', 'most of it was not changed and has nothing to do with the log lines']],
      ),
    },
    {
      tool: 'files.read',
      args: { path: file },
      decision: because('I need the whole file to change one line of it and nothing else.', basis, 0.9),
    },
  ],
});

const measureFirst = (basis: readonly string[]): Turn => ({
  text: 'Before I change anything I measure.',
  calls: [
    {
      tool: 'probe_service',
      decision: because(
        'Without the error rate of now nobody could tell whether a repair helped; the causes also confirm or refute the suspicion.',
        basis,
        0.92,
        [['change the setting at once', 'a change in production on a suspicion alone is no good idea']],
      ),
    },
  ],
});

/** The line in staging that sets the same; staging is healthy. */
const findStaging = (known: Knowledge): string => {
  const hits = known
    .all('files.search')
    .flatMap(
      ({ output }) =>
        z.object({ hits: z.array(z.object({ path: z.string(), text: z.string() })) }).parse(JSON.parse(output)).hits,
    );
  const text = hits.find(({ path }) => path.startsWith('config/staging/'))?.text;
  return text === undefined ? '' : `, and what staging has (“${text}”)`;
};

const findWorst = (known: Knowledge): { readonly cause: string; readonly count: number } => {
  const [worst] = Object.entries(known.rates[0]?.health.failures ?? {}).toSorted(([, a], [, b]) => b - a);
  return { cause: worst?.[0] ?? 'unknown', count: worst?.[1] ?? 0 };
};

const repair = (known: Knowledge, { change: { file, setting, old, now }, file: { output } }: Evidence): Turn => {
  const { cause, count } = findWorst(known);
  const log = known.all('files.read').find(({ output }) => newestChanges(output).length > 0)?.output ?? '';
  const others = newestChanges(log).filter((each) => each.setting !== setting);
  return {
    text: `${cause} is the largest cause of failures, with ${count} of 1000 checkouts. I put ${setting} back to ${old}.`,
    calls: [
      {
        tool: 'files.write',
        args: { path: file, content: output.replace(new RegExp(`^${setting}: .*$`, 'm'), `${setting}: ${old}`) },
        decision: because(
          `The last release lowered ${setting} from ${old} to ${now}, the failures say “within ${now} ms”, and the service counts ${count} of them. ${old} is what it was before${findStaging(known)}.`,
          known.past.map(({ id }) => id),
          0.93,
          [
            ...others.map((each): [string, string] => [
              `put ${each.setting} back to ${each.old}`,
              'no failure speaks of it',
            ]),
            ['roll back the whole release', 'its other changes are fine, and the ticket says to change nothing else'],
          ],
        ),
      },
    ],
  };
};

const measureAgain = (file: string, basis: readonly string[]): Turn => ({
  text: 'The change is made. Does it help?',
  calls: [
    {
      tool: 'probe_service',
      decision: because(
        'The service reads its configuration for every request, so the effect must show now.',
        basis,
        0.95,
      ),
    },
    {
      tool: 'files.read',
      args: { path: file },
      decision: because('A person may have corrected my change: I report what stands there.', basis, 0.9),
    },
  ],
});

const describeRepair = (
  { file, setting }: Change,
  [before, after]: readonly [string, string],
  rates: readonly number[],
): Repair => {
  const [first = 0, last = 0] = [rates[0], rates.at(-1)];
  const repaired = last < first;
  return {
    file,
    setting,
    before: scalar(before),
    after: scalar(after),
    errorRateBefore: first,
    errorRateAfter: last,
    repaired,
    note: `${setting} was ${before} and is ${after} now. The error rate ${repaired ? 'fell' : 'did not fall: it went'} from ${percent(first)} to ${percent(last)}.`,
  };
};

const postSummary = ({ note }: Repair, basis: readonly string[]): Turn => ({
  text: 'I tell the others.',
  calls: [
    {
      tool: 'post_summary',
      args: { incident: 'INC-2317', text: note },
      decision: because('The incident channel should hear what was changed and what it did.', basis, 0.9, [
        ['close the ticket', 'that is for the people on call, once it has stayed quiet'],
      ]),
    },
  ],
});

const denied = ({ change: { file, setting, now }, rate }: Evidence, { output }: Past): Turn =>
  answer({
    file,
    setting,
    before: scalar(now),
    after: scalar(now),
    errorRateBefore: rate,
    errorRateAfter: rate,
    repaired: false,
    note: `Nothing was changed, the error rate is still ${percent(rate)}. ${output}`.slice(0, 600),
  });

const lost = (what: string): Turn => ({
  calls: [
    {
      tool: 'ask_human',
      args: { question: `${what} How shall I go on?` },
      decision: because('Without it I would be guessing.', ['goal'], 0.3),
    },
  ],
});

/** What the search has brought to light: the change that is to blame, the file that has it, the error rate of now. */
type Evidence = { readonly change: Change; readonly file: Past; readonly rate: number };

/** The next step of the search, or what it has found. */
const investigate = (known: Knowledge): Turn | Evidence => {
  if (known.past.length === 0) return lookAround();
  const log = known.files.find((path) => /changelog/i.test(path));
  const ticket = known.files.find((path) => /ticket/i.test(path));
  if (log === undefined || ticket === undefined)
    return lost('There is no change log or no ticket in the working folder.');
  const [history, report] = [known.read(log), known.read(ticket)];
  if (history === undefined || report === undefined) return readHistory(known, [log, ticket]);
  const change = findSuspect(history.output, report.output);
  if (change === undefined) return lost('No change of the newest release fits the failures in the ticket.');
  const file = known.read(change.file);
  if (file === undefined) return followSuspect(change, [history.id, report.id]);
  const [first] = known.rates;
  return first === undefined ? measureFirst([file.id]) : { change, file, rate: first.rate };
};

const finish = (known: Knowledge, { change, file }: Evidence, written: Past): Turn => {
  const original = known.all('files.read').find(({ args }) => args['path'] === change.file)?.output ?? '';
  const before = valueIn(original, change.setting) ?? change.now;
  const after = valueIn(file.output, change.setting) ?? change.old;
  const result = describeRepair(
    change,
    [before, after],
    known.rates.map(({ rate }) => rate),
  );
  const isPosted = known.past.some(({ tool }) => tool === 'post_summary');
  return isPosted ? answer(result) : postSummary(result, [written.id, ...known.rates.map(({ id }) => id)]);
};

const next = (transcript: ScriptedTranscript): Turn => {
  const known = new Knowledge(transcript);
  const found = investigate(known);
  if (!('change' in found)) return found;
  const refused = known.past.find(({ tool, status }) => tool === 'files.write' && status !== 'succeeded');
  if (refused !== undefined) return denied(found, refused);
  const [written] = known.all('files.write');
  if (written === undefined) return repair(known, found);
  return known.rates.length === 1 ? measureAgain(found.change.file, [written.id]) : finish(known, found, written);
};

/** The scripted model of this example. `onRequest` hears the step of every request; `thinkMs` is how long an answer takes. */
export const createScript = (
  options: { readonly onRequest?: (step: number) => void; readonly thinkMs?: number } = {},
): Script => {
  const { onRequest, thinkMs = 400 } = options;
  return (transcript) => {
    onRequest?.(transcript.step);
    return { delayMs: thinkMs, ...next(transcript) };
  };
};
