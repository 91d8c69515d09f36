import { asset, page } from './answer.ts';
import type { Core } from './core.ts';
import { feedPage } from './feed-page.ts';
import { pageScript } from './page-script.ts';
import type { Routes } from './router.ts';
import { style } from './style.ts';

/** The front page, which shows every account's posts, and what it needs. */
export function feedRoutes(core: Core): Routes {
  return {
    'GET /': ({ query }) => page(200, feedPage(core.world, query.get('account') ?? undefined)),
    'GET /sandbox/page.js': () => asset('text/javascript', pageScript),
    'GET /sandbox/style.css': () => asset('text/css', style),
  };
}
