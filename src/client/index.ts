/**
 * For a platform's own server: may this person, or this API key, do this here? Asked over HTTP (`connect`), or answered by the claims of a
 * person's ID token without asking (`tokenReader`). This folder is a package entry, `drawbridge/client`, and imports nothing of the server.
 */
export {
  type Answer,
  type Client,
  type ClientOptions,
  connect,
  type Entity,
  type Question,
  Refused,
} from './connect.ts';
export { type TokenAccess, type TokenReader, type TokenReaderOptions, tokenReader } from './token-reader.ts';
