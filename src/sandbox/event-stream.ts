import type { ServerResponse } from 'node:http';
import { cardOf } from './feed-page.ts';
import type { World } from './world.ts';

/** Sends every post to a page as it is accepted, as server-sent events, until the page is closed. */
export function streamEvents(world: World, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  response.write('retry: 2000\n\n');
  const stop = world.watch((event) => {
    if (event.kind === 'changed') return;
    const data = event.kind === 'posted' ? cardOf(world, event.post) : { id: event.post.id };
    response.write(`event: ${event.kind}\ndata: ${JSON.stringify(data)}\n\n`);
  });
  response.once('close', stop);
}
