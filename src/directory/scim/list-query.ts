/** What a list request asks, from a query string or from the body of `POST .search` (RFC 7644, 3.4.3). */
import type { Request } from 'express';
import { z } from 'zod';
import { type Projection, readProjection } from './answer.ts';
import type { ResourceType } from './attribute.ts';
import { DEFAULT_PAGE } from './limits.ts';
import type { ListQuery } from './list.ts';
import { asked } from './request.ts';
import { GROUP, USER } from './schemas.ts';
import { scimFault } from './scim-fault.ts';

const SEARCH = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

const searchRequest = z.object({
  schemas: z.array(z.string()),
  filter: z.string().optional(),
  startIndex: z.int().optional(),
  count: z.int().optional(),
  sortBy: z.string().optional(),
  sortOrder: z.string().optional(),
  cursor: z.string().optional(),
  attributes: z.array(z.string()).optional(),
  excludedAttributes: z.array(z.string()).optional(),
});

export interface Search {
  readonly query: ListQuery;
  readonly projection: Projection;
}

/** From a query string. @throws Fault with scimType `invalidValue` */
export function queryOf(type: ResourceType, request: Request): Search {
  const names = ['filter', 'startIndex', 'count', 'sortBy', 'sortOrder', 'cursor'] as const;
  const query: ListQuery = Object.fromEntries(names.map((name) => [name, asked(request, name)]));
  return {
    query,
    projection: readProjection(type, asked(request, 'attributes'), asked(request, 'excludedAttributes')),
  };
}

/** From a search request. @throws Fault with scimType `invalidValue`, naming the member */
export function searchOf(type: ResourceType, body: unknown): Search {
  const { attributes, excludedAttributes, startIndex, count, schemas: _, ...rest } = readSearch(body);
  const text = (number: number | undefined) => (number === undefined ? undefined : String(number));
  return {
    query: { ...rest, startIndex: text(startIndex), count: text(count) },
    projection: readProjection(type, attributes?.join(','), excludedAttributes?.join(',')),
  };
}

/**
 * From a search request over all types: an attribute that only one of them has is one that the others have no value of.
 * @throws Fault with scimType `invalidValue`
 */
export function searchOfAll(body: unknown) {
  const { startIndex, count, sortBy, cursor } = readSearch(body);
  const single = sortBy !== undefined ? 'sortBy' : cursor !== undefined ? 'cursor' : undefined;
  if (single !== undefined) {
    throw scimFault('invalidValue', `${single} is for one type of resource: search below /Users or /Groups.`, single);
  }
  const of = (type: ResourceType): Search => {
    const { query, projection } = searchOf(type, body);
    return { query: { ...query, acrossTypes: true }, projection };
  };
  return {
    ofUsers: of(USER),
    ofGroups: of(GROUP),
    startIndex: Math.max(1, startIndex ?? 1),
    count: Math.max(0, count ?? DEFAULT_PAGE),
  };
}

function readSearch(body: unknown) {
  const parsed = searchRequest.safeParse(body);
  if (!parsed.success || !parsed.data.schemas.some((urn) => urn.toLowerCase() === SEARCH.toLowerCase())) {
    const where = parsed.error?.issues[0]?.path.join('.') || 'schemas';
    throw scimFault(
      'invalidValue',
      `This is not a search request: ${where} is wrong; schemas must name ${SEARCH}.`,
      where,
    );
  }
  return parsed.data;
}
