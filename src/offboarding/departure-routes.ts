/** Departures that are planned. */
import { z } from 'zod';
import { attempting } from '../audit/attempt.ts';
import { callerOf, withinTenant } from '../http/caller.ts';
import { type ApiRouter, endpoint } from '../http/endpoint.ts';
import { departureAnswer } from './case-answer.ts';
import { cancelDeparture, departureInput, listDepartures, planDeparture } from './planned-departure.ts';
import type { OffboardingRouteDependencies } from './route-dependencies.ts';

/** Adds them to a router. */
export function declareDepartures(api: ApiRouter, { store: { db }, models }: OffboardingRouteDependencies): void {
  const area = 'people';
  endpoint(
    api,
    {
      method: 'get',
      path: '/planned-departures',
      summary: 'Who is to leave when, why, and by whose word',
      area,
      query: z.object({ all: z.stringbool().default(false) }),
      answer: z.object({ departures: z.array(departureAnswer) }),
    },
    async ({ query }, request) =>
      withinTenant(db, request, async (tx) => ({ departures: await listDepartures(tx, query.all) }), 'reader'),
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/planned-departures',
      summary: 'Let a person go at a time',
      area,
      body: departureInput,
      answer: departureAnswer,
      status: 201,
    },
    async ({ body }, request) => {
      const attempt = { action: 'user.offboard_refused', resource: { type: 'user', id: body.user } };
      return attempting(db, request, attempt, (tx) => planDeparture(models, tx, callerOf(request).userId, body));
    },
  );

  endpoint(
    api,
    {
      method: 'post',
      path: '/planned-departures/:departure/cancel',
      summary: 'Cancel a planned departure',
      area,
      params: z.object({ departure: z.string() }),
      body: z.strictObject({ reason: z.string().trim().min(1).max(500) }),
    },
    async ({ params: { departure }, body }, request) => {
      const attempt = { action: 'user.departure_refused', resource: { type: 'planned_departure', id: departure } };
      const by = callerOf(request).userId;
      return attempting(db, request, attempt, (tx) => cancelDeparture(models, tx, by, departure, body.reason));
    },
  );
}
