import twitterText from 'twitter-text';

/** What X makes of a part of a text. A link is `accidental` where nothing but a full stop between words makes it one. */
export interface Entity {
  kind: 'link' | 'accidental-link' | 'mention' | 'hashtag' | 'cashtag';
  /** The part as it is written. */
  text: string;
  /** Where it begins, in UTF-16 units. */
  at: number;
}

/** What X takes for more than words, in the order of the text. */
export function entitiesOf(text: string): Entity[] {
  const found: Entity[] = [];
  // Most lines have none of the signs, and need no parsing.
  if (/\.\S/.test(text)) {
    const links = twitterText.extractUrlsWithIndices(text, { extractUrlsWithoutProtocol: true });
    found.push(...partsOf(text, links, kindOfLink));
  }
  if (/[@\uff20]/.test(text))
    found.push(...partsOf(text, twitterText.extractMentionsOrListsWithIndices(text), () => 'mention'));
  if (/[#\uff03]/.test(text))
    found.push(...partsOf(text, twitterText.extractHashtagsWithIndices(text), () => 'hashtag'));
  if (text.includes('$'))
    found.push(...partsOf(text, twitterText.extractCashtagsWithIndices(text), () => 'cashtag'));
  return withoutOverlaps(found.sort((a, b) => a.at - b.at));
}

/** A link may hold signs of its own: they are part of it. */
function withoutOverlaps(found: readonly Entity[]): Entity[] {
  let end = 0;
  return found.filter(({ at, text }) => {
    if (at < end) return false;
    end = at + text.length;
    return true;
  });
}

function partsOf(
  text: string,
  found: readonly { indices: [number, number] }[],
  kindOf: (part: string) => Entity['kind'],
): Entity[] {
  return found.map(({ indices: [at, end] }) => {
    const part = text.slice(at, end);
    return { kind: kindOf(part), text: part, at };
  });
}

/** Nobody writes a protocol, a `www.` or a path by forgetting a space. */
const kindOfLink = (part: string): 'link' | 'accidental-link' =>
  /^(https?:\/\/|www\.)|\//i.test(part) ? 'link' : 'accidental-link';

/** The text as X keeps it, and holds it against what was posted before. */
export const asKept = (text: string): string => text.normalize('NFC').trim();

/** How many cashtags a text names. X takes one in a post. */
export const cashtagsIn = (text: string): number =>
  text.includes('$') ? twitterText.extractCashtags(text).length : 0;
