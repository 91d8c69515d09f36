import pMap from 'p-map';
import { attemptAsync, FlockError } from '../errors.ts';
import { openBluesky } from '../networks/bluesky/client.ts';
import { openMastodonOAuth } from '../networks/mastodon/authorize.ts';
import { askInstance, type Instance, openMastodon } from '../networks/mastodon/client.ts';
import { usualLimits } from '../networks/mastodon/text.ts';
import type { Failure, Outcome } from '../networks/network.ts';
import { networkFor, placeOf } from '../networks/networks.ts';
import { listed, Secret } from '../text.ts';
import {
  aboutBot,
  aboutFlock,
  botNames,
  type Checkup,
  type Finding,
  isChosen,
  judgeAccount,
  type LoadedBundle,
  providerIdOf,
  withoutSecrets,
} from './finding.ts';

/*
 * Doctor at Mastodon and Bluesky, where all requests are free: whose each key is, what its account says of itself, and whether
 * its server has changed.
 */

/** @param repairs - whether to set missing bot labels at Bluesky, and to store limits, names and servers that have changed */
export async function examineNetworks(
  checkup: Checkup,
  bundles: readonly LoadedBundle[],
  { repairs }: { repairs: boolean },
): Promise<Finding[]> {
  const chosen = bundles.filter(
    (one) => isChosen(checkup, one.bot) && ['mastodon', 'bluesky'].includes(providerIdOf(one)),
  );
  const examination = new Examination(checkup, repairs);
  await pMap(chosen, (one) => examination.examine(one), { concurrency });
  return examination.findings;
}

/** The maximum number of requests at the same time. */
const concurrency = 8;

/** Why nothing more is asked about a bot, or of its server. */
class Stopped extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.reason);
    this.failure = failure;
  }
}

/** @throws {Stopped} for a failure */
function okOf<T>(outcome: Outcome<T>): T {
  if ('ok' in outcome) return outcome.ok;
  throw new Stopped(outcome.failure);
}

class Examination {
  readonly #checkup: Checkup;
  readonly #repairs: boolean;
  readonly #bluesky: ReturnType<typeof openBluesky>;
  readonly #instances = new Map<string, Promise<Outcome<Instance>>>();
  readonly #ofBots: Finding[] = [];
  /** The servers that did not answer, and the bots that were not asked about for that reason. */
  readonly #silent = new Map<string, { why: Finding; bots: LoadedBundle[] }>();

  constructor(checkup: Checkup, repairs: boolean) {
    const { send, clock, directory } = checkup;
    this.#checkup = checkup;
    this.#repairs = repairs;
    this.#bluesky = openBluesky({ send, clock, ...(directory !== undefined && { directory }) });
  }

  get findings(): Finding[] {
    const silent = Array.from(this.#silent.values(), ({ why, bots }) => {
      return { ...why, message: `${why.message}, asked for ${botNames(bots)}` };
    });
    return [...silent, ...this.#ofBots];
  }

  async examine(one: LoadedBundle): Promise<void> {
    const { bundle } = one;
    const silent = this.#silent.get(bundle.server ?? '');
    if (silent) {
      silent.bots.push(one);
      return;
    }
    try {
      await (providerIdOf(one) === 'mastodon' ? this.#atMastodon(one) : this.#atBluesky(one));
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      this.#judgeFailure(one, error.failure);
    }
  }

  async #atMastodon(one: LoadedBundle): Promise<void> {
    const { bot, bundle } = one;
    const { send, clock, keymaker } = this.#checkup;
    const { server = '' } = bundle;
    const about = aboutBot(bot);
    const token = new Secret(bundle.accessToken.reveal().token);
    const profile = okOf(await openMastodon(server, send, clock)(token).me());
    await this.#tellKey(one, profile);
    if (profile.movedTo !== undefined) {
      const hint = `with a key of the new account: ${keymaker(`reauth ${bot} --server URL`)}`;
      this.#ofBots.push(about.bad('moved', `its account has moved to ${profile.movedTo}`, hint));
    }
    this.#ofBots.push(
      profile.isBot
        ? about.ok('bot-flag', 'its profile says that it is a bot')
        : about.warn('bot-flag', 'its profile does not say that it is a bot', botFlagHint(server)),
    );
    const missing = await openMastodonOAuth(server, send, clock).scopesMissing(token);
    if (missing) {
      const may = about.ok('scopes', 'its key may post and read its own posts');
      const lacks = `its key lacks ${listed(missing)}`;
      const hint = `make another, and allow everything that the page lists: ${keymaker(`reauth ${bot}`)}`;
      this.#ofBots.push(missing.length === 0 ? may : about.bad('scopes', lacks, hint));
    }
    await this.#compareLimits(one, server);
  }

  async #compareLimits(one: LoadedBundle, server: string): Promise<void> {
    const { bot, bundle } = one;
    const { send, clock } = this.#checkup;
    const asked = this.#instances.get(server) ?? askInstance(server, send, clock);
    this.#instances.set(server, asked);
    const about = aboutBot(bot);
    const { limits: now } = okOf(await asked);
    const before = bundle.textLimits ?? usualLimits;
    const inWords = ({ maxCharacters, charactersPerLink }: typeof now): string =>
      `${maxCharacters} characters, ${charactersPerLink} for a link`;
    if (inWords(now) === inWords(before)) {
      this.#ofBots.push(about.ok('limits', inWords(now)));
      return;
    }
    const message = `its server takes ${inWords(now)}; its bundle says ${inWords(before)}`;
    await this.#repair(one, 'limits', message, { textLimits: now });
  }

  async #atBluesky(one: LoadedBundle): Promise<void> {
    const { bot, bundle } = one;
    const { userId = '', server = '' } = bundle;
    const about = aboutBot(bot);
    const appPassword = new Secret(bundle.accessToken.reveal().token);
    const account = this.#bluesky({ userId, server, appPassword });
    await this.#tellKey(one, okOf(await account.me()));
    const movedTo = okOf(await account.movedTo());
    if (movedTo !== undefined) {
      const message = `its account is at ${movedTo} now; its bundle still says ${server}`;
      await this.#repair(one, 'moved', message, { server: movedTo });
    }
    const hasLabel = okOf(await account.hasBotLabel());
    if (!hasLabel && this.#repairs) okOf(await account.setBotLabel());
    const message = 'its profile does not say that it is a bot';
    this.#ofBots.push(
      hasLabel
        ? about.ok('bot-label', 'its profile says that it is a bot')
        : this.#repairs
          ? about.ok('bot-label', `${message}: the label was set`)
          : about.warn('bot-label', message, this.#repairHint(bot)),
    );
  }

  /** Whose the key is, and whether the account has another name than its bundle says. */
  async #tellKey(one: LoadedBundle, account: { userId: string; screenName: string }): Promise<void> {
    const { bot } = one;
    const finding = judgeAccount(one, titleFor(one), account, this.#checkup.keymaker(`reauth ${bot}`));
    if (finding.result === 'warn')
      await this.#repair(one, finding.check, finding.message, { screenName: account.screenName });
    else this.#ofBots.push(finding);
  }

  /** Stores what has changed, or says how to. */
  async #repair(
    { bot, bundle }: LoadedBundle,
    check: string,
    message: string,
    changed: Partial<typeof bundle>,
  ): Promise<void> {
    const about = aboutBot(bot);
    if (!this.#repairs) {
      this.#ofBots.push(about.warn(check, message, this.#repairHint(bot)));
      return;
    }
    // A later repair keeps this one.
    Object.assign(bundle, changed);
    const stored = await attemptAsync(this.#checkup.keys.write(bot, bundle));
    this.#ofBots.push(
      stored instanceof FlockError
        ? about.thrown(check, stored)
        : about.ok(check, `${message}: the new is stored`),
    );
  }

  #repairHint(bot: string): string {
    return this.#checkup.keymaker(`doctor --repair --bot=${bot}`);
  }

  #judgeFailure(one: LoadedBundle, { kind, reason }: Failure): void {
    const { bot, bundle } = one;
    const about = aboutBot(bot);
    const why = withoutSecrets(reason, one);
    const reauth = this.#checkup.keymaker(`reauth ${bot}`);
    switch (kind) {
      case 'in-doubt':
      case 'never-sent': {
        const hint = 'is there a network, and is the address of the server right?';
        const finding = aboutFlock(titleFor(one)).bad('provider', why, hint);
        const known = this.#silent.get(bundle.server ?? '');
        if (known) known.bots.push(one);
        else this.#silent.set(bundle.server ?? '', { why: finding, bots: [one] });
        return;
      }
      case 'suspended':
      case 'locked':
      case 'automated': {
        const account = bundle.screenName === undefined ? `the account of ${bot}` : `@${bundle.screenName}`;
        const hint = `sign in as ${account} to see why; until then set "paused": true in flock.json`;
        this.#ofBots.push(about.bad('key', why, hint));
        return;
      }
      case 'wait':
      case 'limit':
        this.#ofBots.push(about.warn('key', why, 'try again in 5 minutes'));
        return;
      case 'read-only':
        this.#ofBots.push(about.bad('scopes', why, `allow everything that the page lists: ${reauth}`));
        return;
      case 'reauth':
      case 'unauthorized':
      case 'app-refused':
      case 'no-credit':
      case 'clock':
      case 'duplicate':
      case 'rejected':
        this.#ofBots.push(about.bad('key', why, reauth));
    }
  }
}

/** Who answers, for people: of Bluesky's servers they know no names. */
const titleFor = ({ bundle }: LoadedBundle): string =>
  bundle.provider === 'bluesky' ? networkFor(bundle).title : placeOf(bundle);

const botFlagHint = (server: string): string =>
  `sign in at ${server}, and set in Preferences, Public profile: This is an automated account`;
