/** Cuts the bytes that come in into LDAP messages (RFC 4511, section 5.1): each is one BER sequence that begins with its length. */
import { sizeOf } from './ber.ts';

export interface Framer {
  /** @throws Error where the bytes are no LDAP message, or one that is too long */
  push(chunk: Buffer): void;
  /** How many bytes wait for the rest of their message. */
  pending(): number;
}

/** Each message is handed on once, whole, and costs its length once however it comes in pieces. */
export function framer(maxBytes: number, onMessage: (message: Buffer) => void): Framer {
  let chunks: Buffer[] = [];
  let size = 0;
  let wanted: number | undefined;
  const whole = () => {
    const joined = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    chunks = [joined];
    return joined;
  };
  return {
    push: (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      while (size > 0) {
        wanted ??= lengthOf(whole());
        if (wanted === undefined) return;
        if (wanted > maxBytes) throw new Error(`a message of ${wanted} bytes`);
        if (size < wanted) return;
        const bytes = whole();
        const message = bytes.subarray(0, wanted);
        chunks = [bytes.subarray(wanted)];
        size -= wanted;
        wanted = undefined;
        onMessage(message);
      }
    },
    pending: () => size,
  };
}

const SEQUENCE = 0x30;

function lengthOf(bytes: Buffer): number | undefined {
  if (bytes[0] !== SEQUENCE) throw new Error('bytes that are no LDAP message');
  return sizeOf(bytes);
}
