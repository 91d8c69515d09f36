import { createHash } from 'node:crypto';
import type { Html } from '../html.ts';

/** A part of the page that is sent anew when it changes: one element, which has the region's name as its id. */
export interface Region {
  id: string;
  html: Html;
}

/** A list of regions that come and go and change places: the children of the element of that id. */
interface RegionList {
  id: string;
  regions: readonly Region[];
}

/** The page, in the parts it is sent in. */
export interface Regions {
  single: readonly Region[];
  lists: readonly RegionList[];
}

/** What a page that is behind needs: lists as the ids of their regions, regions as HTML by their ids. */
interface Update {
  lists: Record<string, string[]>;
  regions: Record<string, string>;
}

interface Known {
  mark: string;
  html: string;
  /** The version in which it changed last. */
  changed: number;
}

/** How many different updates are kept for readers that are behind by different versions. */
const maxKept = 16;

/**
 * The newest state of the page, and what changed when. However far behind a reader is, one update brings it up to date, and
 * readers that are equally far behind are sent the same bytes.
 */
export class RegionStore {
  #version = 0;
  #regions = new Map<string, Known>();
  #lists = new Map<string, { ids: string[]; changed: number }>();
  readonly #updates = new Map<number, Buffer | undefined>();
  /** Tells this process from the one before it, whose versions mean something else. */
  readonly #life: string;

  /** @param life - a word that no other process has */
  constructor(life: string) {
    this.#life = life;
  }

  /** The version as readers name it. */
  get version(): string {
    return `${this.#life}-${this.#version}`;
  }

  /** The number of a version that a reader names; 0, before everything, where it is from another life. */
  numberOf(version: string | undefined): number {
    const [life, number = ''] = version?.split('-') ?? [];
    return life === this.#life && /^\d{1,15}$/.test(number) ? Math.min(Number(number), this.#version) : 0;
  }

  /** Takes the page as it is now. @returns whether anything has changed */
  take({ single, lists }: Regions): boolean {
    const version = this.#version + 1;
    const regions = new Map<string, Known>();
    let isChanged = false;
    for (const { id, html } of [...single, ...lists.flatMap((list) => list.regions)]) {
      const known = this.#regions.get(id);
      const mark = markOf(html.markup);
      if (known?.mark !== mark) isChanged = true;
      regions.set(id, known?.mark === mark ? known : { mark, html: html.markup, changed: version });
    }
    const ordered = new Map(
      lists.map((list) => {
        const ids = list.regions.map(({ id }) => id);
        const known = this.#lists.get(list.id);
        if (known && isSame(known.ids, ids)) return [list.id, known];
        isChanged = true;
        return [list.id, { ids, changed: version }];
      }),
    );
    this.#regions = regions;
    this.#lists = ordered;
    if (!isChanged) return false;
    this.#version = version;
    this.#updates.clear();
    return true;
  }

  /** The event that brings a page of that version up to date, or undefined where it is. */
  since(version: number): Buffer | undefined {
    if (version >= this.#version) return undefined;
    const kept = this.#updates.get(version);
    if (kept) return kept;
    const update: Update = { lists: {}, regions: {} };
    for (const [id, { ids, changed }] of this.#lists) if (changed > version) update.lists[id] = ids;
    for (const [id, { html, changed }] of this.#regions) if (changed > version) update.regions[id] = html;
    const event = Buffer.from(`id: ${this.version}\ndata: ${JSON.stringify(update)}\n\n`);
    if (this.#updates.size >= maxKept) this.#updates.clear();
    this.#updates.set(version, event);
    return event;
  }

  get number(): number {
    return this.#version;
  }
}

/** How far away an instant is, is for the reader's clock to say: a region does not change because time passes. */
const markOf = (markup: string): string =>
  createHash('sha256')
    .update(markup.replaceAll(/(<time [^>]*>)[^<]*/g, '$1'))
    .digest('base64url');

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((id, index) => id === other[index]);
