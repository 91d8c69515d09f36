import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { wrapAnsi } from 'fast-wrap-ansi';
import { Marked, type RendererObject, type Token, type Tokens } from 'marked';
import * as roff from './roff.ts';

/*
 * The manual: the Markdown files beside this module, for the terminal (`keymaker help guide`), for browsers (`/manual`) and
 * for man(1). In the terminal and in man pages each row of a table is a term and what it means, because the cells are long, and
 * pictures are left out.
 */

/** The pages in their order. */
export const topics = {
  guide: { title: 'Guide', about: 'from nothing to a flock that posts; the five states of a bot' },
  networks: { title: 'Networks', about: 'X, Mastodon and Bluesky step by step, prices, keys' },
  'flock.json': { title: 'flock.json', about: 'schedules, budgets and all other settings; the environment' },
  server: { title: 'Server', about: 'systemd, upgrades, credentials, containers' },
  monitoring: { title: 'Monitoring', about: 'the page, alarms, health checks, Prometheus' },
  events: { title: 'Events', about: 'every event in the log; exit codes' },
  security: { title: 'Security', about: 'where secrets are, encryption' },
  promise: { title: 'The promise', about: 'every fault, what flockd does, and the test that shows it' },
  faq: { title: 'Questions', about: 'the wrong account, 403s, missed slots, editing poems' },
  glossary: { title: 'Glossary', about: 'the words' },
} as const;

type Topic = keyof typeof topics;

export const topicNames = Object.keys(topics) as readonly Topic[];

/** The page that people mean: `flock.json`, `flock-json` and `Flock.json` are one. */
export const topicNamed = (name: string): Topic | undefined =>
  topicNames.find((topic) => slugOf(topic) === slugOf(name.toLowerCase()));

/** The name of a page in addresses and file names. */
export const slugOf = (topic: string): string => topic.replaceAll('.', '-');

/** The name of the man page of a page. */
export const manNameOf = (topic: string): string => `keymaker-${slugOf(topic)}`;

/** The build copies the pages into a folder beside its bundles. */
const folder = path.join(
  import.meta.dirname,
  path.basename(import.meta.dirname) === 'manual' ? '' : 'manual',
);

/** A picture in a page, as PNG; undefined if there is none of that name. */
export function pictureNamed(name: string): Buffer | undefined {
  const pictures = path.join(folder, 'images');
  return readdirSync(pictures).includes(name) ? readFileSync(path.join(pictures, name)) : undefined;
}

const readTopic = (topic: Topic): string => readFileSync(path.join(folder, `${slugOf(topic)}.md`), 'utf8');

const html = new Marked({
  renderer: {
    heading({ tokens, depth, text }) {
      const id = text
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(/\s+/g, '-');
      return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    image({ href, text }) {
      const dark = href.replace('.png', '-dark.png');
      const source = `<source media="(prefers-color-scheme: dark)" srcset="${dark}">`;
      const isThere = pictureNamed(path.basename(dark)) !== undefined;
      return `<picture>${isThere ? source : ''}<img src="${href}" alt="${text}"></picture>`;
    },
    link({ href, tokens }) {
      return `<a href="${href.replace(/\.md(?=$|#)/, '')}">${this.parser.parseInline(tokens)}</a>`;
    },
  },
});

/** A page as HTML: the content of its `<main>`. Links between pages are relative, without an ending. */
export const htmlOf = (topic: Topic): string => html.parse(readTopic(topic), { async: false });

/** The first paragraph of a list's item, and the blocks after it. */
function partsOf(item: readonly Token[]): { words: Token[]; others: Token[] } {
  const blocks = item.filter(({ type }) => type !== 'space');
  const words = blocks.slice(0, 1).flatMap((block) => ('tokens' in block ? (block.tokens ?? []) : []));
  return { words, others: blocks.slice(1) };
}

/** The rows of a table, each as a term and what is said of it: of a third column as `default: 20m`. */
const entriesOf = (
  { header, rows }: Tokens.Table,
  textOfCell: (cell: Tokens.TableCell) => string,
): { term: string; about: string[] }[] =>
  rows.map((row) => {
    const [term = '', ...cells] = row.map(textOfCell);
    const about = cells.map((cell, at) =>
      at === 0 || cell === '' ? cell : `${header[at + 1]?.text}: ${cell}`,
    );
    return { term, about: about.filter((cell) => cell !== '') };
  });

/** Renderers of everything inside a paragraph. */
const inline = (as: Record<'text' | 'bold' | 'italic', (words: string) => string>): RendererObject => ({
  text(token) {
    return 'tokens' in token ? this.parser.parseInline(token.tokens) : as.text(token.text);
  },
  strong({ tokens }) {
    return as.bold(this.parser.parseInline(tokens));
  },
  em({ tokens }) {
    return as.italic(this.parser.parseInline(tokens));
  },
  codespan: ({ text }) => as.bold(as.text(text)),
  link({ tokens }) {
    return this.parser.parseInline(tokens);
  },
  image: () => '',
  br: () => '\n',
  space: () => '',
});

/**
 * A page for the terminal.
 *
 * @param columns - its width
 * @param bold - marks words, or leaves them as they are where there are no colours
 */
export function textOf(topic: Topic, columns: number, bold: (words: string) => string): string {
  let width = columns;
  const indented = (text: string, first: string, rest = first): string =>
    wrapAnsi(text.replaceAll('\n', ' '), width - rest.length)
      .split('\n')
      .map((line, at) => (at === 0 ? first : rest) + line)
      .join('\n');
  const plain = (words: string): string => words;
  const text = new Marked({
    renderer: {
      ...inline({ text: plain, bold, italic: plain }),
      heading({ tokens }) {
        return `${bold(this.parser.parseInline(tokens))}\n\n`;
      },
      paragraph({ tokens }) {
        const words = this.parser.parseInline(tokens);
        return words === '' ? '' : `${indented(words, '')}\n\n`;
      },
      code: ({ text: code }) => `${code.replaceAll(/^(?=.)/gm, '    ')}\n\n`,
      list({ items, ordered, start }) {
        const lines = items.map(({ tokens }, at) => {
          const mark = ordered ? `${Number(start) + at}. ` : '- ';
          const rest = ' '.repeat(mark.length);
          const { words, others } = partsOf(tokens);
          width -= rest.length;
          const after = this.parser.parse(others).trimEnd();
          width += rest.length;
          const first = indented(this.parser.parseInline(words), mark, rest);
          return after === '' ? first : `${first}\n\n${after.replaceAll(/^(?=.)/gm, rest)}\n`;
        });
        return `${lines.join('\n')}\n\n`;
      },
      table(table) {
        const entries = entriesOf(table, ({ tokens }) => this.parser.parseInline(tokens));
        const lines = entries.flatMap(({ term, about }) => [
          indented(term, '  '),
          ...about.map((cell) => indented(cell, '      ')),
        ]);
        return `${lines.join('\n')}\n\n`;
      },
    },
  });
  return `${text
    .parse(readTopic(topic), { async: false })
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()}\n`;
}

/** Pages in roff. @see man(7) */
const man = new Marked({
  renderer: {
    ...inline({ text: roff.escaped, bold: roff.bold, italic: roff.italic }),
    heading({ tokens, depth }) {
      if (depth === 1) return '.SH DESCRIPTION\n';
      return `${depth === 2 ? '.SH' : '.SS'} "${this.parser.parseInline(tokens)}"\n`;
    },
    paragraph({ tokens }) {
      const words = this.parser.parseInline(tokens);
      return words === '' ? '' : `.PP\n${roff.filled(words)}\n`;
    },
    code: ({ text }) => `.PP\n.RS 4\n.nf\n${text.split('\n').map(roff.verbatim).join('\n')}\n.fi\n.RE\n`,
    list({ items, ordered, start }) {
      const lines = items.map(({ tokens }, at) => {
        const { words, others } = partsOf(tokens);
        const label = ordered ? `${Number(start) + at}.` : '\\(bu';
        const after = this.parser.parse(others);
        return `.IP ${label} 4\n${roff.filled(this.parser.parseInline(words))}\n${after === '' ? '' : `.RS 4\n${after}.RE\n`}`;
      });
      return lines.join('');
    },
    table(table) {
      const entries = entriesOf(table, ({ tokens }) => roff.filled(this.parser.parseInline(tokens)));
      return entries.map(({ term, about }) => `.TP\n${term}\n${about.join('\n.br\n')}\n`).join('');
    },
  },
});

/** A paragraph macro has no effect after a heading, and mandoc warns of it. */
const asRoff = (page: string): string =>
  man
    .parse(page, { async: false })
    .trimEnd()
    .replaceAll(/(^|^\.S[HS] .*\n)\.PP\n/gm, '$1');

/** A page as a man page. @param date - as `2026-08-31` */
export function manPageOf(topic: Topic, edition: { version: string; date: string }): string {
  const name = manNameOf(topic);
  const about = `${name} \\- ${roff.escaped(topics[topic].about)}`;
  return `${roff.title(name, 7, edition)}\n.SH NAME\n${about}\n${asRoff(readTopic(topic))}\n`;
}

/** What a page has below a heading, for another man page. */
export function sectionAsRoff(topic: Topic, heading: string): string {
  const [, section = ''] = readTopic(topic).split(`\n## ${heading}\n`);
  return asRoff(section.split(/\n## /)[0] ?? '');
}
