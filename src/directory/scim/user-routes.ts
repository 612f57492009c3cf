/** `/Users`: each write states facts, settles the person, and answers when both are done. */
import type { Request, Response, Router } from 'express';
import type { TenantTransaction } from '../../store/tenant.ts';
import { type Projection, projected, readProjection, shownUser, versionOf, wants } from './answer.ts';
import type { Attributes } from './conform.ts';
import { listResponse } from './discovery.ts';
import { listUsers } from './list.ts';
import { queryOf, type Search, searchOf } from './list-query.ts';
import { patched } from './patch.ts';
import { readOperations } from './patch-request.ts';
import {
  asked,
  baseOf,
  directoryOf,
  hasSeen,
  reading,
  requireMatch,
  type ScimDependencies,
  settle,
  writing,
} from './request.ts';
import { readResource } from './resource.ts';
import { USER } from './schemas.ts';
import { changeUser, createUser, findUser, groupsOf, removeUser, type UserRow } from './users.ts';

/** Declares the users' endpoints. */
export function userRoutes(router: Router, deps: ScimDependencies): void {
  const show = async (tx: TenantTransaction, request: Request, rows: readonly UserRow[], projection: Projection) => {
    const base = baseOf(deps, request);
    const ids = rows.map((row) => row.id);
    const groups = wants(projection, 'groups') ? await groupsOf(tx, directoryOf(request).directoryId, ids) : undefined;
    return rows.map((row) => projected(USER, shownUser(base, row, groups?.get(row.id) ?? []), projection));
  };

  const answerList = async (request: Request, response: Response, { query, projection }: Search) => {
    const answer = await reading(deps, request, async (tx) => {
      const page = await listUsers(tx, directoryOf(request).directoryId, query);
      return listResponse(await show(tx, request, page.rows, projection), page);
    });
    response.json(answer);
  };
  router.get('/:directory/Users', (request, response) => answerList(request, response, queryOf(USER, request)));
  router.post('/:directory/Users/.search', (request, response) =>
    answerList(request, response, searchOf(USER, request.body)),
  );

  router.get('/:directory/Users/:id', async (request, response) => {
    const projection = projectionOf(request);
    const { row, shown } = await reading(deps, request, async (tx) => {
      const found = await findUser(tx, directoryOf(request).directoryId, idOf(request));
      return { row: found, shown: await show(tx, request, [found], projection) };
    });
    if (hasSeen(request, row)) response.status(304).set('ETag', versionOf(row)).end();
    else send(response, 200, row, shown[0]);
  });

  router.post('/:directory/Users', async (request, response) => {
    const projection = projectionOf(request);
    const attributes = readResource(USER, request.body);
    const { row, shown } = await writing(deps, request, async (tx) => {
      const created = await createUser(tx, directoryOf(request).directoryId, attributes);
      await settle(deps, tx, [created.id]);
      return { row: created, shown: await show(tx, request, [created], projection) };
    });
    response.set('Location', `${baseOf(deps, request)}/Users/${row.id}`);
    send(response, 201, row, shown[0]);
  });

  const change = async (request: Request, response: Response, changed: (row: UserRow) => Attributes) => {
    const projection = projectionOf(request);
    const { row, shown } = await writing(deps, request, async (tx) => {
      const before = await findUser(tx, directoryOf(request).directoryId, idOf(request), true);
      requireMatch(request, before);
      const after = await changeUser(tx, before, changed(before));
      await settle(deps, tx, [after.id]);
      return { row: after, shown: await show(tx, request, [after], projection) };
    });
    send(response, 200, row, shown[0]);
  };

  router.put('/:directory/Users/:id', (request, response) => {
    const attributes = readResource(USER, request.body);
    return change(request, response, () => attributes);
  });

  router.patch('/:directory/Users/:id', (request, response) => {
    const operations = readOperations(request.body);
    return change(request, response, (row) => patched(USER, row.attributes, row.id, operations));
  });

  router.delete('/:directory/Users/:id', async (request, response) => {
    await writing(deps, request, async (tx) => {
      const id = idOf(request);
      await removeUser(tx, directoryOf(request).directoryId, id, (row) => requireMatch(request, row));
      await settle(deps, tx, [id]);
    });
    response.status(204).end();
  });
}

function projectionOf(request: Request): Projection {
  return readProjection(USER, asked(request, 'attributes'), asked(request, 'excludedAttributes'));
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

function send(response: Response, status: number, row: UserRow, body: unknown): void {
  response.status(status).set('ETag', versionOf(row)).json(body);
}
