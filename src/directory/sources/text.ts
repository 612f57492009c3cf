/** What is an e-mail address, and what is text at all. */

const EMAIL = /^[^\s@<>"',;]+@[^\s@<>"',;]+\.[^\s@<>"',;]+$/;

/** Whether it is one e-mail address, as people's are written. */
export function isEmail(text: string): boolean {
  return EMAIL.test(text);
}

/** Whether the database can keep it: no NUL anywhere, and no half of a surrogate pair. JSON writes just those as escapes. */
export function isText(value: unknown): boolean {
  return !/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(JSON.stringify(value));
}
