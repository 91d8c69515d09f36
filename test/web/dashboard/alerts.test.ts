import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { flockd } from '../../../src/cli/program.ts';
import { tempFolder } from '../../flock/temp-folder.ts';
import { begun, intent, MeasuredFlock, posted, refused } from './measured-flock.ts';
import { noPrometheus, prometheusFolder, promtool } from './prometheus.ts';

const rulesFile = path.join(prometheusFolder, 'flockd.rules.yml');
const testsFile = path.join(prometheusFolder, 'flockd.rules.test.yml');
const read = (file: string): unknown => parse(readFileSync(file, 'utf8'));

const rule = z.object({
  alert: z.string(),
  expr: z.string(),
  labels: z.object({ severity: z.enum(['critical', 'warning', 'info']) }),
  annotations: z.strictObject({ summary: z.string(), repair: z.string() }),
});
const rules = z
  .object({ groups: z.array(z.object({ rules: z.array(rule) })) })
  .parse(read(rulesFile))
  .groups.flatMap((group) => group.rules);

const alertTest = z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()).optional() });
const tests = z
  .object({ tests: z.array(z.object({ alert_rule_test: z.array(alertTest).optional() })) })
  .parse(read(testsFile))
  .tests.flatMap((one) => one.alert_rule_test ?? []);

describe('the alert rules', () => {
  it('are of every trouble that the metrics tell', () => {
    assert.equal(rules.length, new Set(rules.map(({ alert }) => alert)).size);
    assert.ok(rules.length >= 10, `${rules.length} rules`);
  });

  for (const { alert } of rules) {
    it(`${alert} is tested to fire, and not to fire`, () => {
      const own = tests.filter(({ alertname }) => alertname === alert);
      assert.ok(
        own.some(({ exp_alerts = [] }) => exp_alerts.length > 0),
        'it never fires',
      );
      assert.ok(
        own.some(({ exp_alerts = [] }) => exp_alerts.length === 0),
        'it always fires',
      );
    });
  }

  it('ask for metrics that there are', async () => {
    const budget = { postsPerDay: 9, usdPerMonth: 9 };
    const flock = new MeasuredFlock(['heron', 'tern'], { budget, bots: { heron: { budget } } });
    await flock.happened(begun('heron'), intent('heron'), posted('heron'), intent('heron'));
    await flock.happened(begun('tern'), intent('tern'), refused('tern'));
    const text = await flock.scrape();
    const asked = new Set(rules.flatMap(({ expr }) => expr.match(/\b(?:flockd|process)_[a-z_]+/g) ?? []));
    assert.ok(asked.size > 10, `${asked.size} metrics`);
    for (const name of asked) assert.match(text, new RegExp(`^${name}[{ ]`, 'm'));
  });

  it('name commands that there are', () => {
    const verbs = Object.keys(flockd.commands);
    for (const { alert, annotations } of rules) {
      for (const [, verb] of annotations.repair.matchAll(/\bflockd ([a-z]+)(?= |$|;|,)/g)) {
        assert.ok(verbs.includes(verb ?? ''), `${alert}: flockd ${verb ?? ''}`);
      }
    }
  });
});

describe('promtool', { skip: noPrometheus }, () => {
  it('accepts the alert rules and the configuration that loads them', async () => {
    assert.match(
      (await succeeds('check', 'rules', rulesFile)).output,
      new RegExp(`${rules.length} rules found`),
    );
    await succeeds('check', 'config', path.join(prometheusFolder, 'scrape.yml'));
  });

  it('sees each alert fire when it should, and not before', async () => {
    await succeeds('test', 'rules', testsFile);
  });

  it('would see one that fires too early', async () => {
    const rulesThen = readFileSync(rulesFile, 'utf8').replace('> 1800', '> 1200');
    const folder = tempFolder({ 'flockd.rules.yml': rulesThen, 'test.yml': readFileSync(testsFile) });
    const { code, output } = await promtool(['test', 'rules', path.join(folder, 'test.yml')]);
    assert.notEqual(code, 0);
    assert.match(output, /FlockdInDoubt/);
  });
});

async function succeeds(...args: string[]): ReturnType<typeof promtool> {
  const said = await promtool(args);
  assert.equal(said.code, 0, said.output);
  return said;
}
