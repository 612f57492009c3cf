/** Forms as identity providers post them. */
import express, { type Request, type Response } from 'express';
import { asFault } from '../../http/problem.ts';

const parseForm = express.urlencoded({ extended: false, limit: '1mb', parameterLimit: 20 });

/** Reads the form. @throws Fault `too-large`, `invalid-input` */
export async function readForm(request: Request, response: Response): Promise<Record<string, unknown>> {
  await new Promise<void>((done, fail) => {
    parseForm(request, response, (error?: unknown) => (error === undefined ? done() : fail(asFault(error) ?? error)));
  });
  return (request.body as Record<string, unknown> | undefined) ?? {};
}
