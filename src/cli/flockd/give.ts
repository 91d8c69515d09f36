import { giveOrder } from '../../daemon/orders.ts';
import { lockState } from '../../daemon/lock.ts';
import { systemClock } from '../../clock.ts';
import { FlockError } from '../../errors.ts';
import { Journal } from '../../posting/journal.ts';
import { eventsOf, type Order } from '../../posting/order.ts';

/**
 * Carries an order out: through the daemon that runs, or at once where none does.
 *
 * @throws {FlockError} where there is nothing to carry out, or it could not be
 */
export async function give(state: string, order: Order): Promise<void> {
  const lock = await lockState(state).catch((error: unknown) => {
    if (error instanceof FlockError && error.exit === 'tryLater') return undefined;
    throw error;
  });
  if (!lock) {
    await giveOrder(state, order);
    return;
  }
  await using _lock = lock;
  await using ledger = await Journal.open(state);
  await ledger.record(...eventsOf(order, ledger.state(order.bot), systemClock.now()));
}
