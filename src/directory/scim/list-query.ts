/** What a list request asks, from a query string or from the body of `POST .search` (RFC 7644, 3.4.3). */
import type { Request } from 'express';
import { z } from 'zod';
import { type Projection, readProjection } from './answer.ts';
import type { ResourceType } from './attribute.ts';
import type { ListQuery } from './list.ts';
import { asked } from './request.ts';
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

/** From a search request. @throws Fault with scimType `invalidSyntax` or `invalidValue`, naming the member */
export function searchOf(type: ResourceType, body: unknown): Search {
  const parsed = searchRequest.safeParse(body);
  if (!parsed.success || !parsed.data.schemas.some((urn) => urn.toLowerCase() === SEARCH.toLowerCase())) {
    const where = parsed.error?.issues[0]?.path.join('.') || 'schemas';
    throw scimFault(
      'invalidValue',
      `This is not a search request: ${where} is wrong; schemas must name ${SEARCH}.`,
      where,
    );
  }
  const { attributes, excludedAttributes, startIndex, count, schemas: _, ...rest } = parsed.data;
  const text = (number: number | undefined) => (number === undefined ? undefined : String(number));
  return {
    query: { ...rest, startIndex: text(startIndex), count: text(count) },
    projection: readProjection(type, attributes?.join(','), excludedAttributes?.join(',')),
  };
}
