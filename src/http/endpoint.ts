/**
 * The boundary declared beside the route: method, path, who may, what goes in, what comes out. One declaration validates the
 * request, guards it, and describes itself in the OpenAPI document.
 */
import { type Request, type Response, Router } from 'express';
import { ZodError, type z } from 'zod';
import { Fault } from '../errors.ts';
import { type AdminArea, callerOf } from './caller.ts';
import { noteRoute } from './metrics.ts';
import { faultOf } from './problem.ts';

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;
/** What a handler gives, before it becomes JSON: a declared answer holds it to that, dates still being dates. */
type Answered<A> = A extends Schema ? Unchanging<z.input<A>> : unknown;
type Unchanging<T> = T extends Date
  ? T
  : T extends readonly (infer E)[]
    ? readonly Unchanging<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Unchanging<T[K]> }
      : T;

export interface EndpointSpec<
  P extends Schema | undefined,
  Q extends Schema | undefined,
  B extends Schema | undefined,
  A extends Schema | undefined,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Express path below the router's base, e.g. `/workspaces/:workspace`. */
  readonly path: string;
  readonly summary: string;
  /** The administrative area it takes; left out where the handler decides itself. */
  readonly area?: AdminArea;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly answer?: A;
  /** Success status, 200 if left out (204 where there is no answer). */
  readonly status?: number;
}

export interface DescribedEndpoint {
  readonly base: string;
  readonly spec: EndpointSpec<Schema | undefined, Schema | undefined, Schema | undefined, Schema | undefined>;
}

/** An express router that remembers what was declared on it. */
export interface ApiRouter {
  readonly router: Router;
  readonly base: string;
  readonly described: DescribedEndpoint[];
}

/** A router for endpoints below `base` (an OpenAPI-visible prefix such as `/api/v1`). */
export function apiRouter(base: string): ApiRouter {
  return { router: Router({ mergeParams: true }), base, described: [] };
}

/** Declares one endpoint. `handle` gets validated input; what it returns is the JSON answer (undefined: 204). */
export function endpoint<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
  A extends Schema | undefined = undefined,
>(
  api: ApiRouter,
  spec: EndpointSpec<P, Q, B, A>,
  handle: (
    input: { params: Out<P>; query: Out<Q>; body: Out<B> },
    request: Request,
    response: Response,
  ) => Promise<Answered<A>>,
): void {
  api.described.push({ base: api.base, spec });
  api.router[spec.method](spec.path, async (request, response) => {
    noteRoute(request, `${api.base}${spec.path}`);
    if (spec.area !== undefined) requireArea(request, spec.area);
    const input = {
      params: validate(spec.params, request.params, 'path') as Out<P>,
      query: validate(spec.query, request.query, 'query') as Out<Q>,
      body: validate(spec.body, request.body, 'body') as Out<B>,
    };
    const answer = await handle(input, request, response);
    if (response.headersSent) return;
    if (answer === undefined) response.status(spec.status ?? 204).end();
    else response.status(spec.status ?? 200).json(answer);
  });
}

function requireArea(request: Request, area: AdminArea): void {
  if (callerOf(request).mayAdminister(area)) return;
  throw new Fault('forbidden', `This needs the right to administer ${area}.`, {
    remedy: 'Ask an administrator of the organization for a role or key that has it.',
  });
}

function validate(schema: Schema | undefined, value: unknown, whereabouts: string): unknown {
  if (schema === undefined) return undefined;
  try {
    return schema.parse(value ?? {});
  } catch (error) {
    throw error instanceof ZodError ? faultOf(error, whereabouts) : error;
  }
}
