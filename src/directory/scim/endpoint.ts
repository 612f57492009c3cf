/** What all types of resources have in common on the wire; what differs is told by an `Endpoint`, one per type. */
import type { Request, Response, Router } from 'express';
import type { RawBuilder } from 'kysely';
import { Fault } from '../../errors.ts';
import { prepared } from '../../store/prepared.ts';
import type { TenantTransaction } from '../../store/tenant.ts';
import { ENTERED, type EnteredDirectory } from '../enter.ts';
import { type Projection, projected, readProjection, versionOf } from './answer.ts';
import type { ResourceType } from './attribute.ts';
import type { Attributes } from './conform.ts';
import { listResponse } from './discovery.ts';
import type { Listed, Listing } from './list.ts';
import { queryOf, type Search, searchOf } from './list-query.ts';
import { notesOf } from './notes.ts';
import { asked, asking, baseOf, hasSeen, requireMatch, type ScimDependencies, settle, writing } from './request.ts';

interface Row extends Listed {
  readonly version: number;
  /** Groups of a user, members of a group; undefined where they were not read. */
  readonly related?: unknown;
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
  /** Questions of the directory whose id, or column with the id, is given. */
  list(directory: unknown, search: Search): Listing<R>;
  find(directory: unknown, id: string, projection: Projection): RawBuilder<R>;
  /** @param base the directory's address */
  show(base: string, row: R): Attributes;
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
    const listing = endpoint.list(ENTERED, search);
    const rows = await asking(deps, request, listing.statement, listing.usual);
    const page = pageOf(endpoint, listing, rows, baseOf(deps, request), search.projection);
    response.json(listResponse(page.resources, page));
  };
  router.get(all, (request, response) => answerList(request, response, queryOf(type, request)));
  router.post(`${all}/.search`, (request, response) => answerList(request, response, searchOf(type, request.body)));

  router.get(`${all}/:id`, async (request, response) => {
    const projection = projectionOf(type, request);
    const [row] = await asking(deps, request, endpoint.find(ENTERED, idOf(request), projection));
    if (row === undefined) throw notFound(type, idOf(request));
    if (hasSeen(request, row)) response.status(304).set('ETag', versionOf(row)).end();
    else send(response, 200, row, projected(type, endpoint.show(baseOf(deps, request), row), projection));
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
      notesOf(request).changed.push(...written.changed);
      await settle(deps, request, tx, directory, written);
      const { row } = written;
      if (!shows) return { row, shown: undefined };
      const whole = row.related === undefined ? await reread(endpoint, tx, directory, row, projection) : row;
      return { row, shown: projected(type, endpoint.show(baseOf(deps, request), whole), projection) };
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

/** A page of one type, in a transaction. */
export async function listed<R extends Row>(
  endpoint: Endpoint<R>,
  tx: TenantTransaction,
  base: string,
  directoryId: string,
  search: Search,
) {
  const listing = endpoint.list(directoryId, search);
  const { rows } = await listing.statement.execute(tx.db);
  return pageOf(endpoint, listing, rows, base, search.projection);
}

function pageOf<R extends Row>(
  endpoint: Endpoint<R>,
  listing: Listing<R>,
  rows: readonly R[],
  base: string,
  projection: Projection,
) {
  const page = listing.read(rows);
  const resources = page.rows.map((row) => projected(endpoint.type, endpoint.show(base, row), projection));
  return { ...page, resources };
}

/** A row as it is now, with what a write does not read. */
async function reread<R extends Row>(
  endpoint: Endpoint<R>,
  tx: TenantTransaction,
  { directoryId }: EnteredDirectory,
  row: R,
  projection: Projection,
): Promise<R> {
  const { rows } = await prepared(endpoint.find(directoryId, row.id, projection)).execute(tx.db);
  return rows[0] ?? row;
}

function notFound({ name }: ResourceType, id: string): Fault {
  return new Fault('not-found', `There is no ${name.toLowerCase()} "${id.slice(0, 100)}" in this directory.`);
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
