/**
 * X in a box for the guest, which takes a text as often as it is sent, so that nothing hides; and what tests ask of it.
 *   node --import tsx x.js serve FOLDER BOTS LINES   writes a flock with its keys into FOLDER, says `ready`, and serves on port 4010
 *   node x.js wait COUNT                ends when so many posts have arrived
 *   node x.js pause MS                  ends after so long: a moment at random is not an event to wait for
 *   node x.js fault JSON | calm         has X misbehave, or no more
 *   node x.js audit FOLDER              every poem from its first line on, none left out and none twice; prints how many posts
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

const app = { token: 'app-key-of-the-guest', secret: 'app-secret-of-the-guest' };
const base = 'http://127.0.0.1:4010';
const unlimited = {
  posts: null,
  appPostsPerDay: null,
  accountPostsPerDay: null,
  me: null,
  timeline: null,
  deletes: null,
};

async function serve(folder, bots, lines) {
  const { systemClock } = await import('../../src/clock.ts');
  const { openSandbox } = await import('../../src/sandbox/server.ts');
  const { sandbox } = await openSandbox({
    port: 4010,
    clock: systemClock,
    appKeys: [app],
    duplicates: 'accept',
    limits: unlimited,
  });
  for (const part of ['poems', 'keys']) await mkdir(path.join(folder, part), { recursive: true });
  for (const bot of ['ada', 'bea', 'cyd', 'dot', 'eve'].slice(0, Number(bots))) {
    const poem = Array.from({ length: Number(lines) }, (_, n) =>
      n % 3 === 2 ? 'la la la' : `${bot}, line ${n}`,
    );
    await writeFile(path.join(folder, 'poems', `${bot}.txt`), `${poem.join('\n')}\n`);
    const { token, secret, userId, screenName } = sandbox.grant(app.token, bot);
    const bundle = {
      consumer_token: app.token,
      consumer_token_secret: app.secret,
      oauth_token: token,
      oauth_token_secret: secret,
      user_id: userId,
      screen_name: screenName,
      poem_file: `poems/${bot}.txt`,
    };
    await writeFile(path.join(folder, 'keys', `${bot}.json`), JSON.stringify(bundle), { mode: 0o600 });
  }
  const settings = { schedule: '* * * * * *', atEnd: 'stop', settle: '2s' };
  await writeFile(path.join(folder, 'flock.json'), JSON.stringify(settings));
  console.log('ready');
}

const log = async () => (await fetch(`${base}/sandbox/log`)).json();

async function wait(count) {
  const events = await fetch(`${base}/sandbox/events`);
  for await (const part of events.body)
    if (part.length > 0 && (await log()).length >= Number(count)) process.exit(0);
}

async function control(method, way, body) {
  const answer = await fetch(`${base}/sandbox/${way}`, { method, body });
  if (!answer.ok) throw new Error(await answer.text());
}

async function audit(folder) {
  const posts = await log();
  for (const file of await readdir(path.join(folder, 'poems'))) {
    const bot = file.replace(/\.txt$/, '');
    const poem = (await readFile(path.join(folder, 'poems', file), 'utf8')).trimEnd().split('\n');
    const posted = posts.filter(({ account }) => account === bot).map(({ text }) => text);
    if (JSON.stringify(posted) === JSON.stringify(poem.slice(0, posted.length))) continue;
    console.log(`${bot} posted ${JSON.stringify(posted)}`);
    process.exit(1);
  }
  console.log(posts.length);
}

const [, , verb, ...args] = process.argv;
if (verb === 'serve') await serve(...args);
else if (verb === 'wait') await wait(...args);
else if (verb === 'pause') await new Promise((resolve) => setTimeout(resolve, Number(args[0])));
else if (verb === 'fault') await control('POST', 'faults', args[0]);
else if (verb === 'calm') await control('DELETE', 'faults');
else await audit(...args);
