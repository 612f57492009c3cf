/** Where something stands in JSON: `work.department`, or as a JSON pointer (RFC 6901) `/work/department`; through lists, in each entry. */

/** All values at a path. An empty path is the whole. */
export function valuesAt(json: unknown, path: string): unknown[] {
  return stepsOf(path).reduce<unknown[]>((values, step) => values.flatMap((value) => within(value, step)), [json]);
}

/** The first of them. */
export function valueAt(json: unknown, path: string): unknown {
  return valuesAt(json, path)[0];
}

/** A value as text: texts, numbers and booleans; whatever else is none. */
export function textAt(json: unknown, path: string | undefined): string {
  return path === undefined ? '' : textOf(valueAt(json, path));
}

export function textOf(value: unknown): string {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '';
}

/** Its keys. */
export function stepsOf(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) return path.split('.');
  return path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function within(value: unknown, step: string): unknown[] {
  if (Array.isArray(value)) {
    return /^\d+$/.test(step)
      ? value.slice(Number(step), Number(step) + 1)
      : value.flatMap((each) => within(each, step));
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return [];
  return [(value as Record<string, unknown>)[step]];
}
