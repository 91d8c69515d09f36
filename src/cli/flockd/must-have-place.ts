import { readFlockFile } from '../../config/flock-file.ts';
import type { Context } from '../../context.ts';
import { FlockError } from '../../errors.ts';
import type { BotName } from '../../flock/bot.ts';
import { loadFlock } from '../../flock/load.ts';
import type { BotState } from '../../ledger/state.ts';
import { readPoem } from '../../poems/find.ts';
import { linesOf } from '../../poems/poem.ts';
import { readingOf } from '../../posting/cursor.ts';
import { callsAs, type GivenPlaces } from '../calls-as.ts';

/** How flockd says that a bot was parked because its place in its poem is lost. */
const lost = 'its poem has become another one';

/**
 * A bot that has lost its place goes on once its old poem is back, or at a line that a person names. Freed without either it
 * would only be parked again.
 *
 * @param state - what the ledger says of it
 * @throws {FlockError} `data` where the poem on the disk does not fit the ledger, or cannot be read
 */
export async function mustHavePlace(
  bot: BotName,
  state: BotState | undefined,
  { paths, keys }: Context,
  places: GivenPlaces,
): Promise<void> {
  if (state?.parked?.why.startsWith(lost) !== true) return;
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const found = bots.find(({ name }) => name === bot);
  if (!found) return;
  const lines = await linesOf(found.poemFile, found.settings.unit, readPoem);
  if (readingOf(state.place, lines).place) return;
  const call = callsAs(places, 'flockd')(`resume ${bot} --line N`);
  throw new FlockError('data', `${bot}: ${lost}, and its place in it is lost`, {
    hint: `say where it is to go on: ${call}; or put the old poem back`,
  });
}
