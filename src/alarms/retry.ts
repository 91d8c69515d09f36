import { type Clock, sleepUntil } from '../clock.ts';

/** Why an alarm or a ping did not arrive. */
export interface Trouble {
  /** Always the same words for the same cause, and no address. */
  why: string;
  hint?: string;
  /** It may go away by itself. */
  passes: boolean;
}

interface RetryOptions {
  clock: Clock;
  /** How long to wait after each attempt that failed before the next. Milliseconds. */
  waits: readonly number[];
  /** Ends the waiting, and so the trying. */
  signal: AbortSignal;
}

/** Tries until it goes well, or the trouble is one that stays. @returns what the last attempt met */
export async function tryAgain(
  attempt: () => Promise<Trouble | undefined>,
  { clock, waits, signal }: RetryOptions,
): Promise<Trouble | undefined> {
  let trouble = await attempt();
  for (const wait of waits) {
    if (trouble?.passes !== true) break;
    try {
      await sleepUntil(clock, clock.now() + wait, signal);
    } catch {
      break;
    }
    trouble = await attempt();
  }
  return trouble;
}
