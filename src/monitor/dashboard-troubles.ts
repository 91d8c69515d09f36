import { needsSomebody } from '../flock/status.ts';
import type { BotView, FlockView } from '../flock/view.ts';
import { html, type Html } from '../web/html.ts';
import { counted, withClocks } from './dashboard-words.ts';

/** So many bots are told of one by one. */
const mostTold = 12;

/** Whether something about a bot should be looked at. One that looks for its place needs nobody while flockd runs. */
export const isTroubled = (bot: BotView): boolean => bot.state !== 'looking' && needsSomebody(bot);

/** What is wrong and how to repair it; nothing where nothing is. */
export function troublesOf({ bots, flock, timezone, now }: FlockView): Html {
  const troubled = bots.filter(isTroubled);
  const isWell = troubled.length === 0 && !flock.stopped;
  if (isWell) return html`<section id="troubles" class="troubles" hidden></section>`;
  const left = troubled.length - mostTold;
  return html`<section id="troubles" class="troubles" aria-labelledby="troubles-name">
    <h2 id="troubles-name">Needs you</h2>
    <ul role="list">
      ${flock.stopped && stoppedTrouble}
      ${troubled.slice(0, mostTold).map((bot) => troubleOf(bot, { timezone, now }))}
    </ul>
    ${left > 0 && html`<p class="more">and ${counted(left, 'more bot')}; <code>flockd status</code> lists them</p>`}
  </section>`;
}

const stoppedTrouble = html`<li>
  <p><strong>The whole flock</strong> is stopped: nobody posts.</p>
  <p class="hint"><code>flockd resume</code> lets it go on</p>
</li>`;

const troubleOf = (
  { bot, state, why, hint, schedule }: BotView,
  { timezone, now }: Pick<FlockView, 'timezone' | 'now'>,
): Html =>
  html`<li>
    <p>
      <a href="#bot-${bot}"><strong>${bot}</strong></a>
      ${told[state]}${why !== undefined && `: ${withClocks(why, schedule?.timezone ?? timezone, now)}`}
    </p>
    ${hint !== undefined && html`<p class="hint">${withCommands(hint, bot)}</p>`}
  </li>`;

const told: Record<BotView['state'], string> = {
  new: 'is new',
  fine: 'is fine',
  waiting: 'waits',
  'in doubt': 'is in doubt',
  looking: 'looks for its place',
  parked: 'is parked',
  paused: 'is paused',
  stopped: 'is stopped',
  finished: 'has finished',
  unfit: 'cannot post',
};

const verbs = 'reauth|make-keys|doctor|resume|resolve|pause|post|status|reload|run';

/** A hint, with the commands in it set as such. */
function withCommands(hint: string, bot: string): Html[] {
  const command = new RegExp(
    `((?:flockd|keymaker) (?:${verbs})(?: \\./poems)?(?: --bot)?(?: ${bot})?(?:(?: \\|)? --[a-z-]+(?: \\d+)?)*)(?![a-z])`,
  );
  return hint
    .split(command)
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}
