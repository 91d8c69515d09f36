import type { Alarm, Hook } from '../config/hooks.ts';
import type { Logger } from '../log.ts';
import type { Trouble } from './trouble.ts';

/** What a person knows a hook by: its program. Of an address the host, too, may be the secret. */
export const shownHook = (hook: Hook): string => ('run' in hook ? (hook.run[0] ?? '') : 'a webhook');

/** Alarms that wait for one hook. */
const mostWaiting = 100;

/** A hook, what it is still to be told, and what was said to be wrong with it. */
export class Lane {
  readonly hook: Hook;
  /** Its place in flock.json. */
  name: string;
  /** It is being told something, or left alone until it is tried again. */
  busy = false;
  readonly #log: Logger;
  readonly #waiting: Alarm[] = [];
  /** Alarms that it was too slow for, since it last had none waiting. */
  #dropped = 0;
  /** What was last said to be wrong, so that it is said once. */
  #said: string | undefined;

  constructor(hook: Hook, name: string, log: Logger) {
    this.hook = hook;
    this.name = name;
    this.#log = log;
  }

  get isIdle(): boolean {
    return !this.busy && this.#waiting.length === 0;
  }

  /** Puts an alarm in the row, if the hook wants it. */
  offer(alarm: Alarm): void {
    if (!this.hook.on.some((name) => name === alarm.event)) return;
    this.#waiting.push(alarm);
    if (this.#waiting.length <= mostWaiting) return;
    this.#waiting.shift();
    if (++this.#dropped === 1)
      this.#complain(`more than ${mostWaiting} alarms wait for it; the oldest are dropped`);
  }

  /** The next alarm, if the hook can be told one now. */
  next(): Alarm | undefined {
    return this.busy ? undefined : this.#waiting.shift();
  }

  /** Lets go what waits. @returns whether anything did */
  clear(): boolean {
    return this.#waiting.splice(0).length > 0;
  }

  /** Notes what came of an alarm. */
  note(trouble: Trouble | undefined): void {
    if (trouble && trouble.why !== this.#said) this.#complain(trouble.why, trouble.hint);
    this.#said = trouble?.why;
    if (this.#dropped === 0 || this.#waiting.length > 0) return;
    this.#complain(`it was too slow, and ${this.#dropped} alarms were dropped`);
    this.#dropped = 0;
  }

  #complain(why: string, hint?: string): void {
    const { name: hook } = this;
    const fields = { event: 'hook-failed', hook, why, ...(hint !== undefined && { hint }) };
    const named = `${hook} (${shownHook(this.hook)})`;
    this.#log.error(fields, `${named}: ${why}${hint === undefined ? '' : `; ${hint}`}`);
  }
}
