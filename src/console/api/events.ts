/** Server-sent events, read from an answer as it comes: a browser's own `EventSource` could not carry the token. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** The events of an answer, each as soon as it is whole; what only keeps the connection alive is passed over. */
export async function* eventsOf({ body }: Response): AsyncGenerator<ServerEvent> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined) {
    const { done, value = '' } = await reader.read();
    if (done) return;
    const whole = (text + value).split('\n\n');
    text = whole.pop() ?? '';
    for (const block of whole) {
      const lines = block.split('\n');
      const said = (field: string) =>
        lines.flatMap((line) => (line.startsWith(`${field}: `) ? [line.slice(field.length + 2)] : []));
      const [name] = said('event');
      if (name !== undefined) yield { name, data: said('data').join('\n') };
    }
  }
}
