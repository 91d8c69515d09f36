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

/** Orders ids by value, which their text alone does not once their lengths differ. */
export function compareIds(a: string, b: string): number {
  const [one, other] = [BigInt(a), BigInt(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

const day = 86_400_000;

/** A clock that stands before this was not set yet, and says nothing of an id. */
const written = Date.parse('2026-01-01T00:00:00Z');

/**
 * Whether an id can be that of a post made just now: it is newer than the last one, and not of a day that is still to come,
 * after which every true id would look old.
 *
 * @param last - the id of the last confirmed post
 * @param now - milliseconds since 1970
 */
export function isNewPost(id: string, last: string | undefined, now: number): boolean {
  if (last !== undefined && compareIds(id, last) <= 0) return false;
  return now < written || (postInstant(id) ?? now) <= now + day;
}
