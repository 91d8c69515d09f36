import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { linesOf, poem, TestFlock } from '../../support/flock.ts';
import { startCommand, type Running } from '../../support/programs.ts';
import { noPrometheus, prometheusFile, prometheusFolder, promtool, seriesOf } from './prometheus.ts';

const everySecond = { schedule: '* * * * * *', atEnd: 'stop', timezone: 'UTC' };

/** Starts flockd where it can be asked. @returns it, and its address: `127.0.0.1:41234` */
async function listening(flock: TestFlock): Promise<{ flockd: Running; address: string }> {
  const flockd = flock.start('flockd', ['run', '--listen', '127.0.0.1:0']);
  const [, address = ''] = await flockd.matching(/http:\/\/(127\.0\.0\.1:\d+)/);
  return { flockd, address };
}

async function textOf(url: string): Promise<string> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return answer.text();
}

const found = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
const loaded = z.object({
  data: z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
  }),
});

/** A Prometheus that scrapes a flockd each second, with our alert rules. It ends with the flock. */
class Prometheus {
  readonly #url: string;

  static async of(flock: TestFlock, target: string): Promise<Prometheus> {
    const sample = parse(readFileSync(path.join(prometheusFolder, 'scrape.yml'), 'utf8')) as {
      scrape_configs: [{ static_configs: [{ targets: string[] }] }];
    };
    sample.scrape_configs[0].static_configs[0].targets = [target];
    const rule_files = [path.join(prometheusFolder, 'flockd.rules.yml')];
    const global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' };
    // YAML reads JSON.
    await flock.write('prometheus.yml', JSON.stringify({ ...sample, global, rule_files }));
    const running = flock.watch(
      startCommand(
        [
          prometheusFile ?? '',
          '--config.file=prometheus.yml',
          '--storage.tsdb.path=series',
          '--web.listen-address=127.0.0.1:0',
        ],
        { cwd: flock.root },
      ),
    );
    const [, address = ''] = await running.matching(/"Listening on".* address=(\S+)/, { stream: 'stderr' });
    await running.matching(/Server is ready to receive web requests/, { stream: 'stderr' });
    return new Prometheus(`http://${address}`);
  }

  private constructor(url: string) {
    this.#url = url;
  }

  /** The value of an expression once it has one; so an expression that compares waits until it is true. */
  until(expression: string): Promise<number> {
    const query = `${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`;
    return patiently(expression, async () => {
      const answer = found.safeParse(await (await fetch(query)).json());
      const [first] = answer.success ? answer.data.data.result : [];
      return first && Number(first.value[1]);
    });
  }

  /** The names of the alert rules, once each was evaluated without fault. */
  rules(): Promise<string[]> {
    return patiently('the alert rules', async () => {
      const answer = loaded.parse(await (await fetch(`${this.#url}/api/v1/rules`)).json());
      const rules = answer.data.groups.flatMap((group) => group.rules);
      return rules.every(({ health }) => health === 'ok') ? rules.map(({ name }) => name) : undefined;
    });
  }
}

/** Asks again until there is an answer. */
async function patiently<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = AbortSignal.timeout(300_000);
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (end.aborted) throw new Error(`waited in vain for ${what}`);
    await pause(50);
  }
}

describe('Prometheus', { skip: noPrometheus }, () => {
  it('scrapes a flockd that runs, and knows what it did and what is wrong', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 3), 'tern.txt': poem('tern', 2) },
      settings: everySecond,
    });
    for (const bot of ['heron', 'tern']) await flock.giveKey(bot);
    const { flockd, address } = await listening(flock);
    const prometheus = await Prometheus.of(flock, address);
    await prometheus.until('flockd_posts_total{bot="heron",outcome="posted"} == 3');
    await prometheus.until('sum(flockd_posts_total{outcome="posted"}) == 5');
    await prometheus.until('flockd_lines_remaining{bot="heron"} == 0');
    await prometheus.until('flockd_bot_state{bot="tern",state="finished"} == 1');
    await prometheus.until('flockd_post_lateness_seconds_count == 5');
    assert.equal(await prometheus.until('round(1000 * sum(flockd_spend_dollars_total))'), 75);
    assert.deepEqual(flock.postsOf('heron'), linesOf('heron', 3));
    await prometheus.until('up{job="flockd"} == 1');
    assert.equal((await prometheus.rules()).includes('FlockdKeyDead'), true);
    assert.equal(await prometheus.until('count(flockd_key_valid == 1)'), 2);

    await flock.write('keys/tern.json', '{"oauth_token": "only half"}');
    await prometheus.until('flockd_key_valid{bot="tern"} == 0');
    await prometheus.until('ALERTS{alertname="FlockdKeyDead",alertstate="pending",bot="tern"}');
    assert.equal(await prometheus.until('flockd_key_valid{bot="heron"}'), 1);

    flockd.kill('SIGTERM');
    assert.equal((await flockd.exit).code, 0);
    await prometheus.until('up{job="flockd"} == 0');
    await prometheus.until('ALERTS{alertname="FlockdDown",alertstate="pending"}');
  });

  it('has nothing against a scrape of a flockd that runs, which tells no secret and no line', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 1) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const { flockd, address } = await listening(flock);
    await flockd.logged('finished', 'heron');
    const text = await textOf(`http://${address}/metrics`);
    assert.deepEqual(await promtool(['check', 'metrics'], text), { code: 0, output: '' });
    const secrets = Object.values(await flock.bundle('heron')).map(String);
    assert.ok(secrets.length >= 6, `${secrets.length} secrets`);
    for (const secret of [...secrets, ...linesOf('heron', 1), flock.root])
      if (secret !== 'heron') assert.ok(!text.includes(secret), secret);
  });
});

describe('flockd healthcheck', () => {
  it('says whether a flockd is ready, which a bad reload makes it not', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 1) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const { flockd, address } = await listening(flock);
    const check = () => flock.run('flockd', ['healthcheck', '--listen', address]);
    assert.deepEqual(await check(), { code: 0, signal: null, stdout: 'flockd is ready.\n', stderr: '' });
    assert.equal(await textOf(`http://${address}/healthz`), 'ok\n');

    await flock.write('flock.json', '{"schedule": "never"}');
    assert.equal((await flock.run('flockd', ['reload'])).code, 78);
    const bad = await check();
    assert.equal(bad.code, 69);
    assert.equal(bad.stderr, 'flockd: flockd is not ready: the last reload failed; the log says why\n');
    const { code, stdout } = await flock.run('flockd', ['healthcheck', '--listen', address, '--json']);
    assert.equal(code, 69);
    const checks = z.object({ ready: z.literal(false), checks: z.array(z.object({ check: z.string() })) });
    assert.equal(checks.parse(JSON.parse(stdout)).checks.length, 4);
    const series = seriesOf(await textOf(`http://${address}/metrics`));
    assert.equal(series.get('flockd_config_last_reload_successful'), 0);
    assert.equal(await textOf(`http://${address}/healthz`), 'ok\n');

    await flock.write('flock.json', JSON.stringify(everySecond));
    assert.equal((await flock.run('flockd', ['reload'])).code, 0);
    assert.equal((await check()).code, 0);

    flockd.kill('SIGTERM');
    await flockd.exit;
    const gone = await check();
    assert.equal(gone.code, 69);
    assert.equal(
      gone.stderr,
      `flockd: no flockd answers at ${address}: nobody listens there\nhint: start it there: flockd run --listen ${address}\n`,
    );
  });

  it('asks through a socket, too', async () => {
    await using flock = await TestFlock.open({
      poems: { 'heron.txt': poem('heron', 1) },
      settings: everySecond,
    });
    await flock.giveKey('heron');
    const address = `unix:${flock.file('flockd.sock')}`;
    const flockd = flock.start('flockd', ['run', '--listen', address]);
    await flockd.matching(/flockd\.sock/);
    assert.equal((await flock.run('flockd', ['healthcheck', '--listen', address])).code, 0);
  });

  it('asks nobody but this machine', async () => {
    await using flock = await TestFlock.open();
    const { code, stderr } = await flock.run('flockd', ['healthcheck', '--listen', '192.0.2.1:8787']);
    assert.equal(code, 64);
    assert.match(stderr, /192\.0\.2\.1 is not this machine alone/);
  });
});
