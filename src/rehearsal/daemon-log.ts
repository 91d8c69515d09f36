import * as z from 'zod';

const entry = z.object({ event: z.string(), bot: z.string().optional(), why: z.string().optional() });

/** What the daemon warns of and its ledger does not show: here, how often a bot had to wait for a budget. */
export class DaemonLog {
  readonly #waits = new Map<string, { times: number; why: string }>();

  write(line: string): void {
    const { event, bot, why } = entry.parse(JSON.parse(line));
    if (event !== 'budget-reached' || bot === undefined || why === undefined) return;
    this.#waits.set(bot, { times: (this.#waits.get(bot)?.times ?? 0) + 1, why });
  }

  /** How often a bot waited for a budget, and for which one last. */
  budgetWaits(bot: string): { times: number; why: string } | undefined {
    return this.#waits.get(bot);
  }
}
