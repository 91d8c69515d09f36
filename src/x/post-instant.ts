/** The millisecond X counts its ids from: 2010-11-04T01:42:54.657Z. */
export const idEpoch = 1_288_834_974_657n;

/** Ids up to about here were counted one by one, before X put the time into them. */
const counted = 30_000_000_000n;

/**
 * When a post was made, by its id. Milliseconds since 1970, or undefined where the id does not tell.
 *
 * @param id - decimal; its upper bits are the milliseconds since {@link idEpoch}
 * @see docs.x.com, X IDs
 */
export function postInstant(id: string): number | undefined {
  const number = BigInt(id);
  return number < counted ? undefined : Number((number >> 22n) + idEpoch);
}
