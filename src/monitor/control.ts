import { releaseFlock, stopFlock } from '../daemon/stop-switch.ts';
import { FlockError } from '../errors.ts';
import type { BotState } from '../ledger/state.ts';
import type { LocalAnswer, LocalRequest } from '../web/local-exchange.ts';
import { same } from '../web/sessions.ts';
import { botOrders, placeName } from './dashboard-controls.ts';
import { toldPage } from './dashboard-told.ts';
import type { MonitorParts } from './monitor-parts.ts';
import type { Route, Routes } from './routes.ts';

export interface ControlOptions extends Pick<MonitorParts, 'daemon' | 'state'> {
  /** What a form must carry to be believed: only pages of our own have read it. */
  token: string;
  /** Told once something was done. */
  changed: () => void;
}

/** What a person can do from the page, each by the order that the command line gives. */
export function controlRoutes({ daemon, state, token, changed }: ControlOptions): Routes {
  const route =
    (act: (request: LocalRequest) => Promise<string>): Route =>
    async (_, request) => {
      if (!same(request.form.get('csrf') ?? '', token)) return toldPage(403, notOurs);
      try {
        return backTo(await act(request));
      } catch (error) {
        if (!(error instanceof FlockError)) throw error;
        return toldPage(409, { title: 'That did not work', text: error.message, hint: error.hint });
      } finally {
        changed();
      }
    };
  const ofBots = botOrders.map((order): [string, Route] => [
    `POST /bots/${order}`,
    route(async ({ form }) => {
      const bot = form.get('bot') ?? '';
      const place = form.get('place');
      await daemon.carryOut({ order, bot }, order === 'post' ? mustBeAt(bot, place) : undefined);
      return `bot-${bot}`;
    }),
  ]);
  return {
    ...Object.fromEntries(ofBots),
    'POST /flock/pause': route(async () => {
      await stopFlock(state, 'stopped from the page of the flock');
      return 'summary';
    }),
    'POST /flock/resume': route(async () => {
      await releaseFlock(state);
      return 'summary';
    }),
  };
}

/** @throws {FlockError} `tryLater` where a bot is not any more where the page showed it: that line was posted */
const mustBeAt =
  (bot: string, place: string | null) =>
  (state: BotState | undefined): void => {
    if (place === placeName(state?.pass ?? 1, state?.place.next ?? 0)) return;
    throw new FlockError('tryLater', `${bot} has moved on since the page showed its place`, {
      hint: 'nothing was posted now; where it stands is on the page, which can post its next line too',
    });
  };

/** Back to the page, whatever folder a reverse proxy has put it into. */
const backTo = (place: string): LocalAnswer => ({
  status: 303,
  headers: { location: `../#${encodeURIComponent(place)}` },
  body: '',
});

const notOurs = {
  title: 'That form was not ours',
  text: 'It came from another page, or from one that was opened before flockd was started. Nothing was changed.',
  hint: undefined,
};
