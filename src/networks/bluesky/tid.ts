import { randomInt } from 'node:crypto';

/*
 * TIDs, the record keys of posts on Bluesky. A TID is also the mark of an attempt to post: a second record with the same key
 * cannot exist.
 */

/** The digits of a TID, in the order of their values, which is their order as text. */
const digits = '234567abcdefghijklmnopqrstuvwxyz';

const length = 13;
const clockIds = 1024n;

/** Whether a text is a TID: 13 digits whose first bit is 0. @see atproto.com/specs/tid */
export const isTid = (text: string): boolean => /^[2-7a-j][2-7a-z]{12}$/.test(text);

/**
 * A new TID: 53 bits of microseconds since 1970 and 10 bits of a clock id, which is random, as are the microseconds within the
 * millisecond. It is higher than the last one, whatever the clock shows, so that a bot's posts keep their order.
 *
 * @param now - milliseconds since 1970
 * @param last - the bot's last TID; anything else counts as none
 */
export function newTid(now: number, last?: string): string {
  const micros = BigInt(Math.max(0, Math.floor(now))) * 1000n + BigInt(randomInt(1000));
  const least = last !== undefined && isTid(last) ? valueOf(last) / clockIds + 1n : 0n;
  return textOf((micros > least ? micros : least) * clockIds + BigInt(randomInt(Number(clockIds))));
}

/** The time in a TID. Milliseconds since 1970. */
export const tidInstant = (tid: string): number => Number(valueOf(tid) / clockIds / 1000n);

function valueOf(tid: string): bigint {
  let value = 0n;
  for (const digit of tid) value = value * 32n + BigInt(digits.indexOf(digit));
  return value;
}

function textOf(value: bigint): string {
  let text = '';
  for (let rest = value; text.length < length; rest /= 32n) text = (digits[Number(rest % 32n)] ?? '') + text;
  return text;
}
