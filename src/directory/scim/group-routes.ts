/** `/Groups`: whose membership changes is settled before the answer goes out; nobody else is looked at. */
import type { Request, Response, Router } from 'express';
import type { TenantTransaction } from '../../store/tenant.ts';
import { type Projection, projected, readProjection, shownGroup, versionOf, wants } from './answer.ts';
import { type Attributes, keyLike } from './conform.ts';
import { listResponse } from './discovery.ts';
import { changeGroup, createGroup, findGroup, type GroupRow, membersOf, removeGroup } from './groups.ts';
import { listGroups } from './list.ts';
import { queryOf, type Search, searchOf } from './list-query.ts';
import { divideOperations, exactMembers, type MemberChange, NO_MEMBER_CHANGE } from './member-change.ts';
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
import { GROUP } from './schemas.ts';

/** Declares the groups' endpoints. */
export function groupRoutes(router: Router, deps: ScimDependencies): void {
  const show = async (tx: TenantTransaction, request: Request, rows: readonly GroupRow[], projection: Projection) => {
    const base = baseOf(deps, request);
    const ids = rows.map((row) => row.id);
    const members = wants(projection, 'members')
      ? await membersOf(tx, directoryOf(request).directoryId, ids)
      : undefined;
    const shown = (row: GroupRow) =>
      shownGroup(base, row, members === undefined ? undefined : (members.get(row.id) ?? []));
    return rows.map((row) => projected(GROUP, shown(row), projection));
  };

  const answerList = async (request: Request, response: Response, { query, projection }: Search) => {
    const answer = await reading(deps, request, async (tx) => {
      const page = await listGroups(tx, directoryOf(request).directoryId, query);
      return listResponse(await show(tx, request, page.rows, projection), page);
    });
    response.json(answer);
  };
  router.get('/:directory/Groups', (request, response) => answerList(request, response, queryOf(GROUP, request)));
  router.post('/:directory/Groups/.search', (request, response) =>
    answerList(request, response, searchOf(GROUP, request.body)),
  );

  router.get('/:directory/Groups/:id', async (request, response) => {
    const projection = projectionOf(request);
    const { row, shown } = await reading(deps, request, async (tx) => {
      const found = await findGroup(tx, directoryOf(request).directoryId, idOf(request));
      return { row: found, shown: await show(tx, request, [found], projection) };
    });
    if (hasSeen(request, row)) response.status(304).set('ETag', versionOf(row)).end();
    else send(response, 200, row, shown[0]);
  });

  router.post('/:directory/Groups', async (request, response) => {
    const projection = projectionOf(request);
    const { attributes, members } = readGroup(request.body);
    const { row, shown } = await writing(deps, request, async (tx) => {
      const created = await createGroup(tx, directoryOf(request).directoryId, attributes, members ?? NO_MEMBER_CHANGE);
      await settle(deps, tx, created.touched);
      return { row: created.row, shown: await show(tx, request, [created.row], projection) };
    });
    response.set('Location', `${baseOf(deps, request)}/Groups/${row.id}`);
    send(response, 201, row, shown[0]);
  });

  router.put('/:directory/Groups/:id', async (request, response) => {
    const projection = projectionOf(request);
    const { attributes, members } = readGroup(request.body);
    const { row, shown } = await writing(deps, request, async (tx) => {
      const changed = await change(tx, request, () => attributes, members ?? NO_MEMBER_CHANGE);
      return { row: changed, shown: await show(tx, request, [changed], projection) };
    });
    send(response, 200, row, shown[0]);
  });

  router.patch('/:directory/Groups/:id', async (request, response) => {
    const projection = projectionOf(request);
    const { members, others } = divideOperations(readOperations(request.body));
    const { row, shown } = await writing(deps, request, async (tx) => {
      const changed = await change(
        tx,
        request,
        (before) => patched(GROUP, before.attributes, before.id, others),
        members,
      );
      return {
        row: changed,
        shown: projection.only === undefined ? [] : await show(tx, request, [changed], projection),
      };
    });
    // Members may be many; whoever wants to see the outcome asks for attributes.
    if (projection.only === undefined) response.status(204).set('ETag', versionOf(row)).end();
    else send(response, 200, row, shown[0]);
  });

  router.delete('/:directory/Groups/:id', async (request, response) => {
    await writing(deps, request, async (tx) => {
      const row = await findGroup(tx, directoryOf(request).directoryId, idOf(request), true);
      requireMatch(request, row);
      await settle(deps, tx, await removeGroup(tx, row));
    });
    response.status(204).end();
  });

  async function change(
    tx: TenantTransaction,
    request: Request,
    changed: (row: GroupRow) => Attributes,
    members: MemberChange,
  ): Promise<GroupRow> {
    const before = await findGroup(tx, directoryOf(request).directoryId, idOf(request), true);
    requireMatch(request, before);
    const { row, touched } = await changeGroup(tx, before, changed(before), members);
    await settle(deps, tx, touched);
    return row;
  }
}

/** A group apart from its members. Members that a body does not mention stay; an empty list empties the group. */
function readGroup(body: unknown): { attributes: Attributes; members: MemberChange | undefined } {
  const { members: _, ...attributes } = readResource(GROUP, body);
  const key = keyLike(body as Attributes, 'members');
  return { attributes, members: key === undefined ? undefined : exactMembers((body as Attributes)[key]) };
}

function projectionOf(request: Request): Projection {
  return readProjection(GROUP, asked(request, 'attributes'), asked(request, 'excludedAttributes'));
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

function send(response: Response, status: number, row: GroupRow, body: unknown): void {
  response.status(status).set('ETag', versionOf(row)).json(body);
}
