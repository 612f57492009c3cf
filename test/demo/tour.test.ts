import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { it } from 'node:test';

it('given the demo, when the tour is walked, then each step really happens and it says what it saw', () => {
  const { TEST_CLUSTER_URL: _, TEST_TEMPLATE: __, ...env } = process.env;
  const tour = spawnSync(process.execPath, ['src/demo/tour.ts'], { encoding: 'utf8', env, timeout: 120_000 });
  assert.equal(tour.status, 0, tour.stdout + tour.stderr);
  for (const sight of [
    /vik\.viewer@acme\.example was provisioned just in time as member/,
    /refused with 403: The signature/,
    /200 user\.create/,
    /held: the feed is empty/,
    /session, key and token are dead/,
    /one sign-out ended both/,
    /her sign-in on the platform's site is over; the calendar token is revoked and probed/,
    /acme: ok, \d+ sealed events verified/,
  ]) {
    assert.match(tour.stdout, sight);
  }
  assert.doesNotMatch(tour.stdout, /✖/);
});
