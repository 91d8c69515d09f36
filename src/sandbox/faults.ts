import * as z from 'zod';
import type { SandboxAnswer } from './requests.ts';
import { alterations, type SeededRandom } from './world.ts';

/*
 * How the sandbox fails on command: each fault is a rule for some requests.
 */

/** The ordered faults that are not used up. */
export class Faults {
  #rules: FaultRule[] = [];
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get rules(): readonly FaultRule[] {
    return this.#rules;
  }

  add(rule: z.input<typeof faultRule>): void {
    this.#rules.push(faultRule.parse(rule));
  }

  clear(): void {
    this.#rules = [];
  }

  /** Answers a request of an app: with the fault of the first rule that matches and whose rate hits, or without one. */
  answer(target: Target, acts: Acts): SandboxAnswer {
    const rule = this.#rules.find(
      (one) => matches(one, target) && (one.rate === 1 || this.#random.fraction('faults') < one.rate),
    );
    if (!rule) return acts.work();
    if (rule.times !== undefined) rule.times -= 1;
    if (rule.times === 0) this.#rules = this.#rules.filter((other) => other !== rule);
    return spoil(rule.fault, acts);
  }
}

/**
 * `before`: the sandbox does not carry out the request.
 * `after`: the sandbox carries out the request and damages the answer, so that a careless client would post twice.
 */
const when = z.enum(['before', 'after']);
const ms = z.number().int().nonnegative();

const how = z.custom<keyof typeof alterations>(
  (name) => typeof name === 'string' && Object.hasOwn(alterations, name),
);

const fault = z.discriminatedUnion('kind', [
  /** Another answer instead of the true one. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.number().int().min(200).max(599),
    body: z.unknown().optional(),
    headers: z.record(z.string().toLowerCase(), z.string()).default({}),
    when: when.default('before'),
  }),
  /** The connection closes without an answer. */
  z.strictObject({ kind: z.literal('drop'), when: when.default('before') }),
  /** No answer; the connection stays open until the client closes it. */
  z.strictObject({ kind: z.literal('hang'), when: when.default('before') }),
  /** The connection closes now; the sandbox carries out the request `ms` later. */
  z.strictObject({ kind: z.literal('late'), ms }),
  /** The true answer, `ms` late. */
  z.strictObject({ kind: z.literal('delay'), ms }),
  /** The true answer, one byte every `ms`. */
  z.strictObject({ kind: z.literal('trickle'), ms }),
  /** Half of the true answer, then the connection breaks. */
  z.strictObject({ kind: z.literal('cut'), when: z.literal('after').default('after') }),
  /** Half of the gzipped answer, with a regular end of the response. */
  z.strictObject({ kind: z.literal('gzip-cut'), when: z.literal('after').default('after') }),
  /** The true answer uncompressed, with the header of gzip. */
  z.strictObject({ kind: z.literal('gzip-corrupt'), when: z.literal('after').default('after') }),
  /** The true status without its body. */
  z.strictObject({ kind: z.literal('empty'), when: when.default('after') }),
  /** The true answer with its texts altered, without a visible difference. */
  z.strictObject({ kind: z.literal('altered'), how }),
  /** A 302 to the front page. */
  z.strictObject({ kind: z.literal('redirect'), when: when.default('before') }),
]);

/** Which requests get a fault, which fault, and how often. Without `times`: until it is cleared. Without `rate`: every time. */
export const faultRule = z.strictObject({
  match: z
    .strictObject({
      method: z.string().toUpperCase().optional(),
      /** A path; `*` stands for any characters. */
      path: z.string().optional(),
      /** A screen name. */
      account: z.string().toLowerCase().optional(),
    })
    .default({}),
  times: z.number().int().positive().optional(),
  rate: z.number().min(0).max(1).default(1),
  fault,
  /** The lever that made the rule, if one did. */
  lever: z.string().optional(),
});

export type Fault = z.infer<typeof fault>;
export type FaultRule = z.infer<typeof faultRule>;

interface Target {
  method: string;
  path: string;
  /** Screen name in lower case; undefined if no account's token signed. */
  account: string | undefined;
}

const matches = ({ match: { method, account, path } }: FaultRule, target: Target): boolean =>
  (method === undefined || method === target.method) &&
  (account === undefined || account === target.account) &&
  (path === undefined || pathFits(path, target.path));

function pathFits(pattern: string, path: string): boolean {
  const source = pattern.split('*').map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(path);
}

/** How a fault can have the request carried out: now, with the true answer, or after that many milliseconds. */
interface Acts {
  work: () => SandboxAnswer;
  workLater: (ms: number) => void;
}

function spoil(fault: Fault, { work, workLater }: Acts): SandboxAnswer {
  switch (fault.kind) {
    case 'status':
      if (fault.when === 'after') work();
      return statusAnswer(fault);
    case 'redirect':
      if (fault.when === 'after') work();
      return { status: 302, headers: { location: '/' }, body: '' };
    case 'empty':
      return { ...(fault.when === 'after' ? work() : silence), body: '' };
    case 'drop':
    case 'hang':
      if (fault.when === 'after') work();
      return { ...silence, fault: { kind: fault.kind } };
    case 'altered':
      return altered(work(), alterations[fault.how]);
    case 'late':
      workLater(fault.ms);
      return { ...silence, fault: { kind: 'drop' } };
    case 'delay':
    case 'trickle':
      return { ...work(), fault };
    case 'cut':
    case 'gzip-cut':
    case 'gzip-corrupt':
      return { ...work(), fault: { kind: fault.kind } };
  }
}

/** Changes the texts of all posts in an answer: a timeline or a new post. */
function altered(answer: SandboxAnswer, alter: (text: string) => string): SandboxAnswer {
  // Not parsed as a whole: ids may be numbers that JavaScript cannot hold.
  const body = answer.body.replaceAll(
    /("text":)("(?:[^"\\]|\\.)*")/g,
    (_, name: string, text: string) => name + JSON.stringify(alter(z.string().parse(JSON.parse(text)))),
  );
  return { ...answer, body };
}

const silence: SandboxAnswer = { status: 200, headers: {}, body: '' };

/** Sends a text as it is and any other body as JSON. Without a body the answer is a problem of that status. */
function statusAnswer({ status, body, headers }: Extract<Fault, { kind: 'status' }>): SandboxAnswer {
  const problem = { title: `Ordered fault ${status}`, type: 'about:blank', status, detail: 'As ordered.' };
  const isText = typeof body === 'string';
  const type = isText ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  const text = isText ? body : JSON.stringify(body ?? problem);
  return { status, headers: { 'content-type': type, ...headers }, body: text };
}
