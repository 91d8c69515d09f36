import type { BotName } from '../flock/bot.ts';
import type { Bot } from '../flock/load.ts';
import type { Ledger } from '../ledger/journal.ts';

/**
 * Lets bots keep the very strings in which their ledger says the same: the names of a large flock and the ids of its accounts
 * are megabytes, and would be there twice.
 */
export function shareText(bots: readonly Bot[], ledger: Pick<Ledger, 'states'>): void {
  const named = new Map<string, Bot>(bots.map((bot) => [bot.name, bot]));
  for (const [name, { account }] of ledger.states()) {
    const bot = named.get(name);
    if (!bot) continue;
    bot.name = name as BotName;
    if (account === bot.bundle.userId) bot.bundle.userId = account;
  }
}
