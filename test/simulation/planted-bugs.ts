import type { Account, Failure } from '../../src/networks/network.ts';
import type { Intent, LedgerEvent } from '../../src/ledger/events.ts';
import type { StateFolder } from '../../src/ledger/folder.ts';
import type { Ledger } from '../../src/ledger/journal.ts';
import { applyEvent } from '../../src/ledger/state.ts';
import { PoemWatch } from '../../src/poems/poem.ts';
import { Gate } from '../../src/posting/gate.ts';
import type { Plant } from './plant.ts';
import { atNetwork, type Scenario } from './scenario.ts';

const nothing = (): Promise<void> => Promise.resolve();

/** A folder whose sync does nothing after an append that `skips` names. */
const unsynced =
  (skips: (text: string) => boolean) =>
  (folder: StateFolder): StateFolder => {
    let last = '';
    return {
      ...folder,
      append(name, text) {
        last = text;
        return folder.append(name, text);
      },
      sync: (name) => (skips(last) ? nothing() : folder.sync(name)),
    };
  };

/** A folder whose first sync and whose first sync of names do nothing: those of the start. */
function unsyncedAtStart(folder: StateFolder): StateFolder {
  let synced = false;
  let named = false;
  return {
    ...folder,
    sync: (name) => (synced ? folder.sync(name) : ((synced = true), nothing())),
    syncNames: () => (named ? folder.syncNames() : ((named = true), nothing())),
  };
}

/** A folder whose journal is synced at the start, not copied. */
function believed(folder: StateFolder): StateFolder {
  let journal = '';
  let begins = false;
  return {
    ...folder,
    async read(name) {
      const text = await folder.read(name);
      journal = name;
      begins = text?.endsWith('\n') === true;
      return text;
    },
    remove: (name) => (begins ? nothing() : folder.remove(name)),
    append: (name, text) => (begins ? nothing() : folder.append(name, text)),
    sync: (name) => folder.sync(begins ? journal : name),
    rename: (from, to) => (begins ? nothing() : folder.rename(from, to)),
    async syncNames() {
      await folder.syncNames();
      begins = false;
    },
  };
}

/** A folder whose journal is copied at the start with whatever stands at its end. */
function untrimmed(folder: StateFolder): StateFolder {
  let found: string | undefined;
  return {
    ...folder,
    read: async (name) => (found = await folder.read(name)),
    append(name, text) {
      const whole = found?.startsWith(text) === true ? found : text;
      found = undefined;
      return folder.append(name, whole);
    },
  };
}

/** A folder that notices where its journal is gone, and nothing else. */
const verifiedByName = (folder: StateFolder): StateFolder => ({
  ...folder,
  verify: async (name) => {
    if ((await folder.read(name)) === undefined) await folder.verify(name);
  },
});

/** An X whose refusals of one kind are turned into something else. */
const misread =
  (kind: Failure['kind'], into: (failure: Failure) => Awaited<ReturnType<Account['post']>>) =>
  (x: Account): Account => ({
    ...x,
    async post(text) {
      const outcome = await x.post(text);
      return 'failure' in outcome && outcome.failure.kind === kind ? into(outcome.failure) : outcome;
    },
  });

/** Intents are remembered, not kept; they get to the disk with their outcome. */
function withoutIntents(ledger: Ledger): Ledger {
  const open = new Map<string, Intent>();
  return {
    state(bot) {
      const state = ledger.state(bot);
      const intent = open.get(bot);
      return state && intent ? applyEvent(state, intent) : state;
    },
    states: () => ledger.states(),
    history: () => ledger.history(),
    async record(...events: LedgerEvent[]) {
      const [first] = events;
      if (first?.event === 'intent') {
        open.set(first.bot, first);
        return;
      }
      const intent = first && open.get(first.bot);
      await (intent ? ledger.record(intent, ...events) : ledger.record(...events));
      if (first) open.delete(first.bot);
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

/** A line counts as posted before it is sent. */
function advanceFirst(ledger: Ledger): Ledger {
  const sent = new Set<string>();
  return {
    state: (bot) => ledger.state(bot),
    states: () => ledger.states(),
    history: () => ledger.history(),
    async record(...events: LedgerEvent[]) {
      const [first] = events;
      if (first?.event === 'intent') {
        sent.add(first.bot);
        const { bot, at } = first;
        await ledger.record(first, { event: 'posted', bot, at, by: 'answer' });
      } else if (!first || !sent.delete(first.bot)) await ledger.record(...events);
    },
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  };
}

/** A retry that is sent again within the same call, without a look. */
function retried(x: Account): Account {
  return {
    ...x,
    async post(text) {
      const outcome = await x.post(text);
      return 'failure' in outcome && outcome.failure.kind === 'in-doubt' ? x.post(text) : outcome;
    },
  };
}

/** The ledger with other events in the place of those that a look back writes down. */
const misled =
  (change: (events: LedgerEvent[]) => LedgerEvent[]) =>
  (ledger: Ledger): Ledger => ({
    state: (bot) => ledger.state(bot),
    states: () => ledger.states(),
    history: () => ledger.history(),
    record: (...events) => ledger.record(...change(events)),
    [Symbol.asyncDispose]: () => ledger[Symbol.asyncDispose](),
  });

/** What was restored is not marked, and so not looked for. */
function trusting(ledger: Ledger): Ledger {
  return {
    ...misled((events) => events)(ledger),
    state(bot) {
      const { restored: _, ...state } = ledger.state(bot) ?? {};
      return 'place' in state ? state : undefined;
    },
  };
}

/** The first post that the timeline would show is taken for the one before it. */
const oneLate = (events: LedgerEvent[]): LedgerEvent[] =>
  events.map((event) =>
    event.event === 'intent' && event.look === true && event.since !== undefined
      ? { ...event, since: String(Number(event.since) + 1) }
      : event,
  );

/** Of what a look back has found, the first post only. */
function firstFound(events: LedgerEvent[]): LedgerEvent[] {
  const isLook = events.at(-1)?.event === 'checked';
  const first = events.findIndex(({ event }) => event === 'posted');
  return isLook ? [...events.slice(0, first + 1), ...events.slice(-1)] : events;
}

/** Of what a look back has found, all but events of one kind. */
const forgetting =
  (kind: LedgerEvent['event']) =>
  (events: LedgerEvent[]): LedgerEvent[] =>
    events.at(-1)?.event === 'checked' ? events.filter(({ event }) => event !== kind) : events;

/** What a bot has sent, and an X whose timeline shows nothing that was changed since. */
function strict(x: Account): Account {
  return {
    ...x,
    post(text) {
      sent.add(text);
      return x.post(text);
    },
    async timeline(userId, from, page) {
      const seen = await x.timeline(userId, from, page);
      if ('failure' in seen) return seen;
      const posts = seen.ok.posts.map((post) => (sent.has(post.text) ? post : { ...post, text: '' }));
      return { ok: { ...seen.ok, posts } };
    },
  };
}

const sent = new Set<string>();

/** Intents as older versions have written them. */
const withoutMarks = (events: LedgerEvent[]): LedgerEvent[] =>
  events.map((event) => {
    if (event.event !== 'intent') return event;
    const { mark: _, ...intent } = event;
    return intent;
  });

const rejected = ({ reason }: Failure): { failure: Failure } => ({ failure: { kind: 'rejected', reason } });
const dead = ({ reason }: Failure): { failure: Failure } => ({ failure: { kind: 'reauth', reason } });

/** The clock is set wrong while nothing but a web page answers, which does not tell the time: X's refusal is the first to tell. */
const unwitnessed = (scenario: Scenario): Scenario => ({
  ...scenario,
  happenings: [
    ...scenario.happenings.filter(({ what }) => what !== 'clock' && what !== 'spell'),
    { at: 60_000, what: 'spell', spell: 'front', lasts: 300_000 },
    { at: 100_000, what: 'clock', ahead: -3_600_000 },
    { at: 900_000, what: 'clock', ahead: 0 },
  ],
});

/** X refuses repetitions, bots pass over what it refuses, and an old ledger is restored. */
const passingOver = (scenario: Scenario): Scenario => ({
  ...scenario,
  duplicateWindow: 600_000,
  bots: scenario.bots.map((bot) => ({ ...bot, settings: { ...bot.settings, refrain: 'skip' } })),
  happenings: [
    ...scenario.happenings.filter(({ what }) => what !== 'fix' && what !== 'append'),
    { at: 100_000, what: 'export' },
    { at: 400_000, what: 'restore' },
  ],
});

/** The first poem is written anew, a third at a time, while it is read. */
const uploaded = (scenario: Scenario): Scenario => ({
  ...scenario,
  happenings: [
    ...scenario.happenings.filter(({ what }) => what !== 'upload' && what !== 'fix' && what !== 'append'),
    ...[0, 1, 2, 3, 4].map((minute) => ({
      at: 55_000 + 60_000 * minute,
      what: 'upload' as const,
      bot: 'ada',
      steps: [0.3, 0.6, 1].map((share) => ({ after: 4000, share })),
    })),
  ],
});

const misreadForeign = (x: Account): Account => ({
  ...x,
  async post(text) {
    const outcome = await x.post(text);
    const isForeign = 'failure' in outcome && outcome.failure.kind === 'in-doubt' && outcome.failure.foreign;
    return isForeign === true ? rejected(outcome.failure) : outcome;
  },
});

/** Every bot has been looked at. */
class KnownToAll extends Map<string, number> {
  override get(): number {
    return Infinity;
  }
}

/** A refusal of one kind is taken for a post. */
const takenAsPosted = (why: Failure['kind']): ((ledger: Ledger) => Ledger) =>
  misled((events) => {
    const [first] = events;
    if (first?.event !== 'refused' || first.why !== why) return events;
    return [{ event: 'posted', bot: first.bot, at: first.at, by: 'answer' }];
  });

/** Nobody remembers which post was the last one. */
const withoutSince = (events: LedgerEvent[]): LedgerEvent[] =>
  events.map((event) => {
    if (event.event !== 'intent' || event.look) return event;
    const { since: _, ...intent } = event;
    return intent;
  });

const again = ({ reason }: Failure): { failure: Failure } => ({ failure: { kind: 'never-sent', reason } });

/** Wrong variants of the protocol. Each breaks the promise, and must be caught at it. */
export const plants: readonly Plant[] = [
  { name: 'no intent is kept before the post', ledger: withoutIntents },
  { name: 'the intent is not fsynced', folder: unsynced((text) => text.includes('"event":"intent"')) },
  { name: 'nothing is fsynced, outcomes included', folder: unsynced(() => true) },
  {
    name: 'the folder is not fsynced after a rename or a new file',
    folder: (folder) => ({ ...folder, syncNames: nothing }),
  },
  {
    name: 'a compacted journal is not fsynced before its rename',
    folder: unsynced((text) => text.includes('"state":')),
  },
  { name: 'the copy of the journal made at the start is not fsynced', folder: unsyncedAtStart },
  { name: 'what a failed fsync left in the page cache is believed', folder: believed },
  { name: 'a torn tail is not cut off', folder: untrimmed },
  {
    name: 'a journal that is removed, replaced or cut short under flockd is not noticed',
    folder: (folder) => ({ ...folder, verify: nothing }),
  },
  { name: 'a journal is taken for ours wherever there is one', folder: verifiedByName },
  { name: '403 duplicate is taken as posted', ledger: takenAsPosted('duplicate') },
  {
    name: 'the timeline is searched by text from a little before the post, not since the last one',
    ledger: misled(withoutSince),
  },
  {
    name: 'the timeline is looked at once, without settle and deadline',
    settings: { settle: 0 },
    deadline: 0,
  },
  { name: 'the timeline is looked at without settle', settings: { settle: 0 } },
  { name: 'the timeline is looked at while X still takes the signature', settings: { settle: 180_000 } },
  {
    name: 'doubt counts as never sent: 5xx and timeouts are tried again later',
    x: misread('in-doubt', again),
  },
  { name: '5xx and timeouts are tried again at once', x: retried },
  { name: '429 is taken as done', ledger: takenAsPosted('wait') },
  { name: 'never sent is taken as done', ledger: takenAsPosted('never-sent') },
  { name: 'the line counts as posted before it is sent', ledger: advanceFirst },
  {
    name: 'absence is believed of a timeline that cannot be read',
    x: (x) => ({
      ...x,
      async timeline(userId, from, page) {
        const seen = await x.timeline(userId, from, page);
        return 'failure' in seen ? { ok: { posts: [], next: undefined } } : seen;
      },
    }),
  },
  {
    name: 'doubt is counted on the wall clock',
    clock: (clock) => ({
      now: () => clock.now(),
      elapsed: () => clock.now(),
      at: (at, wake) => clock.at(at, wake),
    }),
  },
  { name: 'texts on the timeline are compared strictly, though X alters them', x: strict },
  { name: 'a post in doubt is looked for by the fingerprint of its line', ledger: misled(withoutMarks) },
  { name: 'a restored bot does not look', ledger: trusting },
  { name: 'a restored bot looks from one post after its last one', ledger: misled(oneLate) },
  { name: 'a restored bot believes that it has posted once since', ledger: misled(firstFound) },
  {
    name: 'a restored bot forgets what it has passed over',
    ledger: misled(forgetting('skipped')),
    adapt: passingOver,
  },
  { name: 'a restored bot forgets that its poem was edited', ledger: misled(forgetting('edited')) },
  { name: 'a restored bot forgets that its poem began again', ledger: misled(forgetting('again')) },
];

/** Wrong variants of what a refusal, a file, a clock or an old ledger tells. Each stops a bot that is well, or repeats a line. */
export const ownersWorldPlants: readonly Plant[] = [
  { name: "a web page of something in between is taken for X's refusal of the line", x: misreadForeign },
  { name: "what X has against the app is taken for the line's fault", x: misread('app-refused', rejected) },
  { name: "a limit of the account is taken for the line's fault", x: misread('limit', rejected) },
  { name: 'a 401 that names nothing is taken for a dead key', x: misread('unauthorized', dead) },
  { name: 'a 401 of a wrong clock is taken for a dead key', x: misread('clock', dead), adapt: unwitnessed },
  {
    name: 'nobody looks before the first post of a process',
    memory: () => ({ looked: new KnownToAll() }),
  },
  {
    name: 'the wall clock is believed',
    memory(options) {
      const gate = new Gate(options);
      gate.checkClock = () => Promise.resolve(undefined);
      return { gate };
    },
    // X would refuse the time of its requests.
    adapt: atNetwork({ name: 'mastodon', key: 'ignores' }),
  },
  {
    name: 'a poem counts while it is being written',
    memory({ clock }) {
      const poems = new PoemWatch(clock);
      poems.look = () => ({ alike: Infinity, age: Infinity });
      return { poems };
    },
    adapt: uploaded,
  },
];

/** The ledger without what it knows of attempts in doubt. */
const withoutAttempts = (ledger: Ledger): Ledger => ({
  ...misled((events) => events)(ledger),
  state(bot) {
    const state = ledger.state(bot);
    if (!state?.owed) return state;
    const { attempt: _, ...owed } = state.owed;
    return { ...state, owed };
  },
});

/** A refusal after which the attempt goes on with its mark. */
function goingOn(ledger: Ledger): Ledger {
  const sent = new Map<string, string | undefined>();
  return misled((events) =>
    events.map((event) => {
      if (event.event === 'intent') sent.set(event.bot, event.attempt);
      const attempt = sent.get(event.bot);
      return event.event === 'refused' && attempt !== undefined ? { ...event, attempt } : event;
    }),
  )(ledger);
}

const markedBy =
  (markOf: (text: string, mark: string | undefined) => string) =>
  (x: Account): Account => ({
    ...x,
    post: (text, options) => x.post(text, { ...options, mark: markOf(text, options?.mark) }),
  });

let made = 0;

/** Wrong variants of how posts of other networks are told apart and found. */
export const networkPlants: readonly Plant[] = [
  {
    name: 'Bluesky: after doubt, the line is sent with a fresh mark',
    ledger: withoutAttempts,
    adapt: atNetwork({ name: 'bluesky' }),
  },
  {
    name: 'Bluesky: createRecord, which lets the server choose the key',
    x: markedBy(() => `made-${made++}`),
    adapt: atNetwork({ name: 'bluesky' }),
  },
  {
    name: 'Bluesky: a restored bot looks at once, while a post is under way',
    settings: { settle: 0 },
    deadline: 0,
    adapt: atNetwork({ name: 'bluesky' }),
  },
  {
    name: 'Mastodon: HTML is taken for proof that a post is absent',
    x: (x) => ({
      ...x,
      timeline: (userId, from, { isKnown: _, ...page }) => x.timeline(userId, from, page),
    }),
    adapt: atNetwork({ name: 'mastodon', key: 'ignores' }),
  },
  {
    name: 'Mastodon: a mark is used again after a refusal, which the server then gives again',
    ledger: goingOn,
    adapt: atNetwork({ name: 'mastodon', key: 'replays' }),
  },
  {
    name: 'Mastodon: a mark is made of the text, and the server keeps marks of all accounts together',
    x: markedBy((text) => text),
    adapt: atNetwork({ name: 'mastodon', key: 'replays' }),
  },
  {
    name: 'Mastodon: the timeline is looked at without settle, where the server ignores marks',
    settings: { settle: 0 },
    adapt: atNetwork({ name: 'mastodon', key: 'ignores' }),
  },
  {
    name: 'Mastodon: doubt counts as never sent, because the server is trusted to know the mark',
    x: misread('in-doubt', again),
    adapt: atNetwork({ name: 'mastodon', key: 'ignores' }),
  },
];

/** Wrong variants of what a look costs. */
export const moneyPlants: readonly Plant[] = [
  {
    name: 'looks are not counted',
    ledger: misled((events) => events.filter(({ event }) => event !== 'looked')),
  },
  {
    name: 'a look that gets no answer is taken to be free',
    x: (x) => ({
      ...x,
      async timeline(userId, from, page) {
        const seen = await x.timeline(userId, from, page);
        if (!('failure' in seen) || seen.failure.kind !== 'in-doubt') return seen;
        return { failure: { kind: 'in-doubt', reason: seen.failure.reason } };
      },
    }),
  },
];

/** Looks wrong and is not: an outcome that is lost leaves its intent open, and the timeline tells. */
export const harmless: Plant = {
  name: 'the outcome is not fsynced',
  folder: unsynced((text) => /"event":"(posted|refused|absent)"/.test(text) && !text.includes('"intent"')),
};
