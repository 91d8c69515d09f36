import type { ServerResponse } from 'node:http';
import type { FlockView } from '../flock/view.ts';
import type { LocalAnswer, LocalRequest } from '../web/local-exchange.ts';

/** The flock as it stands, at most a second old. It is built only where somebody asks. */
export type AskView = () => Promise<FlockView>;

/** Answers one kind of request. What it throws is answered with 500, and posts go on. */
export type Route = (view: AskView, request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;

/** Routes by method and path: `GET /healthz`. Whatever has a GET answers HEAD too. */
export type Routes = Readonly<Record<string, Route>>;

/**
 * Answers that go on, by path, for GET alone: they take the response over, or give an answer that ends at once.
 */
export type Streams = Readonly<
  Record<string, (request: LocalRequest, response: ServerResponse) => LocalAnswer | undefined>
>;
