/** Our pages as the provider's answers: they are sent when the provider has done with the request, its cookies being set by then. */
import type { Response } from 'express';
import type { KoaContextWithOIDC } from 'oidc-provider';

type Send = (response: Response) => void;
const pages = new WeakMap<object, Send>();

/** Answers this request with a page, once it is time. */
export function showLater(context: KoaContextWithOIDC, send: Send): void {
  pages.set(context.req, send);
}

/** Sends the page of a request, where it has one. The outermost step of the provider. */
export async function showPage(context: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> {
  await next();
  const send = pages.get(context.req);
  if (send === undefined) return;
  context.respond = false;
  send(context.res as Response);
}
