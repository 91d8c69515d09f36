import { inMicros, showUsd } from '../cost/money.ts';
import type { PriceTable } from '../cost/price-table.ts';
import { entitiesOf, type Entity } from './tweet-text.ts';
import type { Lint } from './lint.ts';
import type { Line } from './split-poem.ts';

/** What X takes for more than words, and what it makes of it. */
export function lintEntities(lines: readonly Line[], prices: PriceTable): Lint[] {
  return lines.flatMap(({ text, at }) => {
    const entities = entitiesOf(text);
    const cashtags = entities.filter(({ kind }) => kind === 'cashtag').length;
    return byRow(entities, text).map(({ row, kind, names }) => {
      const [subject, it] = subjectOf(names, kind);
      return { code: kind, line: at + row, message: `${subject}${fate(kind, it, { prices, cashtags })}` };
    });
  });
}

/** Entities of one kind in one row of a post. */
interface Group {
  row: number;
  kind: Entity['kind'];
  names: string[];
}

/** Only a stanza has several rows, and they follow each other in the file. */
function byRow(entities: readonly Entity[], text: string): Group[] {
  const groups: Group[] = [];
  for (const { kind, text: name, at } of entities) {
    const row = text.slice(0, at).match(/\n/g)?.length ?? 0;
    const known = groups.find((group) => group.row === row && group.kind === kind);
    if (known) known.names.push(name);
    else groups.push({ row, kind, names: [name] });
  }
  return groups;
}

const nouns: Record<Entity['kind'], string> = {
  'accidental-link': 'link',
  link: 'link',
  mention: 'mention',
  hashtag: 'hashtag',
  cashtag: 'cashtag',
};

/** `night.It is a link`, and how to go on about it */
function subjectOf(names: readonly string[], kind: Entity['kind']): [subject: string, it: string] {
  const noun = nouns[kind];
  const shown = names.join(', ');
  return names.length === 1 ? [`${shown} is a ${noun}`, 'it'] : [`${shown} are ${noun}s`, 'each'];
}

/** What X counts for a link, whatever its length. @see docs.x.com, counting characters */
const linkWeight = 23;

function fate(
  kind: Entity['kind'],
  it: string,
  { prices, cashtags }: { prices: PriceTable; cashtags: number },
): string {
  switch (kind) {
    case 'accidental-link':
      return ` to X: ${it} counts ${linkWeight}, and the post may cost ${priceOfLink(prices)}; a space after the full stop would mend it`;
    case 'link':
      return `: ${it} counts ${linkWeight}, and the post costs ${priceOfLink(prices)}`;
    case 'mention':
      return ': X tells the account, and may refuse mentions that a program makes';
    case 'hashtag':
      return `: X shows ${it} as a link to a search`;
    case 'cashtag':
      return cashtags > 1
        ? `, and there are ${cashtags} in one post: X refuses more than one, and the bot is parked there`
        : `: X shows ${it} as a link to a search, and takes one in a post`;
  }
}

/** `$0.20 in place of $0.015, 13 times as much` */
function priceOfLink({ post, linkPost }: PriceTable): string {
  const [dear, usual] = [showUsd(inMicros(linkPost)), showUsd(inMicros(post))];
  if (linkPost === post) return `${dear}, as any other`;
  const times = post > 0 ? Math.round(linkPost / post) : 0;
  return `${dear} in place of ${usual}${times >= 2 ? `, ${times} times as much` : ''}`;
}
