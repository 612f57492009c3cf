/** What all types of resources have in common on the wire; what differs is told by an `Endpoint`, one per type. */
import type { Request, Response, Router } from 'express';
import type { TenantTransaction } from '../../store/tenant.ts';
import type { EnteredDirectory } from '../enter.ts';
import { type Projection, projected, readProjection, versionOf } from './answer.ts';
import type { ResourceType } from './attribute.ts';
import type { Attributes } from './conform.ts';
import { listResponse } from './discovery.ts';
import type { ListQuery, Page } from './list.ts';
import { queryOf, type Search, searchOf } from './list-query.ts';
import { notesOf } from './notes.ts';
import { asked, baseOf, hasSeen, reading, requireMatch, type ScimDependencies, settle, writing } from './request.ts';

interface Row {
  readonly id: string;
  readonly version: number;
}

/** A row as written, whom that concerns, and what it changed in words. */
export interface Written<R> {
  readonly row: R;
  /** Directory users whose accounts or memberships may follow. */
  readonly touched: readonly string[];
  /** Whether none of them has come or gone by it. */
  readonly presenceStands: boolean;
  readonly changed: readonly string[];
}

/** How one type of resource is read, written and shown. */
export interface Endpoint<R extends Row> {
  readonly type: ResourceType;
  list(tx: TenantTransaction, directoryId: string, query: ListQuery): Promise<Page<R>>;
  /** @throws Fault `not-found` */
  find(tx: TenantTransaction, directoryId: string, id: string): Promise<R>;
  /** @param base the directory's address */
  show(tx: TenantTransaction, base: string, rows: readonly R[], projection: Projection): Promise<Attributes[]>;
  /** Each reads a body, and gives what is to be done with it in a transaction. `allowed` is asked of the locked row. */
  create(body: unknown): (tx: TenantTransaction, directoryId: string) => Promise<Written<R>>;
  replace(body: unknown): Change<R>;
  patch(body: unknown): Change<R>;
  remove: Change<R>;
  /** Whether a PATCH that asks for no attributes is answered with the resource. */
  readonly patchShows: boolean;
}

export type Change<R> = (
  tx: TenantTransaction,
  directoryId: string,
  id: string,
  allowed: (row: R) => void,
) => Promise<Written<R>>;

/** Declares an endpoint's routes. */
export function endpointRoutes<R extends Row>(router: Router, deps: ScimDependencies, endpoint: Endpoint<R>): void {
  const { type } = endpoint;
  const all = `/:directory${type.endpoint}`;
  const answerList = async (request: Request, response: Response, search: Search) => {
    const page = await reading(deps, request, (tx, { directoryId }) =>
      listed(endpoint, tx, baseOf(deps, request), directoryId, search),
    );
    response.json(listResponse(page.resources, page));
  };
  router.get(all, (request, response) => answerList(request, response, queryOf(type, request)));
  router.post(`${all}/.search`, (request, response) => answerList(request, response, searchOf(type, request.body)));

  router.get(`${all}/:id`, async (request, response) => {
    const projection = projectionOf(type, request);
    const { row, shown } = await reading(deps, request, async (tx, { directoryId }) => {
      const found = await endpoint.find(tx, directoryId, idOf(request));
      const unseen = hasSeen(request, found) ? [] : [found];
      return { row: found, shown: await shownRows(endpoint, tx, baseOf(deps, request), unseen, projection) };
    });
    if (shown.length === 0) response.status(304).set('ETag', versionOf(row)).end();
    else send(response, 200, row, shown[0]);
  });

  const write = async (
    request: Request,
    projection: Projection,
    shows: boolean,
    work: (tx: TenantTransaction, directoryId: string) => Promise<Written<R>>,
  ) => {
    return writing(deps, request, async (tx, directory: EnteredDirectory) => {
      notesOf(request).passedOver(type, request.body);
      const written = await work(tx, directory.directoryId);
      const { row } = written;
      notesOf(request).changed.push(...written.changed);
      await settle(deps, request, tx, directory, written);
      const [shown] = shows ? await shownRows(endpoint, tx, baseOf(deps, request), [row], projection) : [];
      return { row, shown };
    });
  };

  router.post(all, async (request, response) => {
    const { row, shown } = await write(request, projectionOf(type, request), true, endpoint.create(request.body));
    response.set('Location', `${baseOf(deps, request)}${type.endpoint}/${row.id}`);
    send(response, 201, row, shown);
  });

  const answerChange = async (request: Request, response: Response, change: Change<R>, shows: boolean) => {
    const projection = projectionOf(type, request);
    const { row, shown } = await write(request, projection, shows, (tx, directoryId) =>
      change(tx, directoryId, idOf(request), (before) => requireMatch(request, before)),
    );
    if (shows) send(response, 200, row, shown);
    else response.status(204).set('ETag', versionOf(row)).end();
  };
  router.put(`${all}/:id`, (request, response) =>
    answerChange(request, response, endpoint.replace(request.body), true),
  );
  router.patch(`${all}/:id`, (request, response) =>
    answerChange(
      request,
      response,
      endpoint.patch(request.body),
      endpoint.patchShows || asked(request, 'attributes') !== undefined,
    ),
  );
  router.delete(`${all}/:id`, async (request, response) => {
    await write(request, { without: [] }, false, (tx, directoryId) =>
      endpoint.remove(tx, directoryId, idOf(request), (before) => requireMatch(request, before)),
    );
    response.status(204).end();
  });
}

/** A page of one type, shown. */
export async function listed<R extends Row>(
  endpoint: Endpoint<R>,
  tx: TenantTransaction,
  base: string,
  directoryId: string,
  { query, projection }: Search,
) {
  const page = await endpoint.list(tx, directoryId, query);
  return { ...page, resources: await shownRows(endpoint, tx, base, page.rows, projection) };
}

async function shownRows<R extends Row>(
  endpoint: Endpoint<R>,
  tx: TenantTransaction,
  base: string,
  rows: readonly R[],
  projection: Projection,
): Promise<Attributes[]> {
  if (rows.length === 0) return [];
  const shown = await endpoint.show(tx, base, rows, projection);
  return shown.map((resource) => projected(endpoint.type, resource, projection));
}

function projectionOf(type: ResourceType, request: Request): Projection {
  return readProjection(type, asked(request, 'attributes'), asked(request, 'excludedAttributes'));
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

function send(response: Response, status: number, row: Row, body: unknown): void {
  response.status(status).set('ETag', versionOf(row)).json(body);
}
