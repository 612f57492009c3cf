/** The demo identity providers' administration: what an IT administrator does at their own provider to connect it somewhere. */
import { randomBytes } from 'node:crypto';
import express, { type Request, Router } from 'express';
import { administrationPage, messagePage } from './page.ts';

export interface SamlAdministration {
  readonly name: string;
  readonly metadataUrl: string;
  /** Names of the service providers that are trusted already. */
  trusted(): readonly string[];
  /** @throws Error where it is not a service provider's metadata */
  trust(metadata: string): void;
}

/** `/` of a SAML identity provider: where its metadata is, and whom it answers. */
export function samlAdministration(idp: SamlAdministration): Router {
  const router = Router();
  router.get('/', (_request, response) => {
    const trusted = idp.trusted().map((entityId) => ['It answers', entityId] as const);
    response.send(
      administrationPage(idp.name, {
        lead: 'Administration of the identity provider. To connect it, give this address to the service provider, and then tell here where that one has its metadata.',
        values: [['Metadata URL', `${idp.metadataUrl}`], ...trusted],
        form: { action: '/trust', label: 'SP entity ID, and where its metadata is', button: 'Trust it' },
      }),
    );
  });
  router.post('/trust', express.urlencoded({ extended: false }), async (request, response) => {
    try {
      const answer = await fetch(addressIn(request));
      if (!answer.ok) throw new Error(`it answers ${answer.status}; is the connection saved there already?`);
      idp.trust(await answer.text());
      response.redirect(303, '/');
    } catch (error) {
      response.status(400).send(messagePage(idp.name, `There is no metadata: ${(error as Error).message}`));
    }
  });
  return router;
}

export interface OidcAdministration {
  readonly name: string;
  readonly issuer: string;
  addClient(client: { readonly id: string; readonly secret: string; readonly redirectUris: readonly string[] }): void;
}

/** `/` of an OpenID provider: its issuer, and the registration of clients. */
export function oidcAdministration({ name, issuer, addClient }: OidcAdministration): Router {
  const router = Router();
  const shown = (values: readonly (readonly [string, string])[]) =>
    administrationPage(name, {
      lead: 'Administration of the OpenID provider. To connect it, register a client here, and give its values to whoever asks.',
      values: [['Issuer', issuer], ...values],
      form: { action: '/clients', label: 'Redirect URI', button: 'Register a client' },
    });
  router.get('/', (_request, response) => void response.send(shown([])));
  router.post('/clients', express.urlencoded({ extended: false }), (request, response) => {
    const [id, secret] = [`client-${randomBytes(4).toString('hex')}`, randomBytes(24).toString('hex')];
    try {
      addClient({ id, secret, redirectUris: [addressIn(request)] });
    } catch (error) {
      response.status(400).send(messagePage(name, (error as Error).message));
      return;
    }
    response.send(
      shown([
        ['Client ID', id],
        ['Client secret', secret],
      ]),
    );
  });
  return router;
}

function addressIn({ body }: Request): string {
  const { address = '' } = body as { address?: string };
  if (!URL.canParse(address.trim())) throw new Error('This is not an address.');
  return address.trim();
}
