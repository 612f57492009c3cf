/** Short names that are suggested, so that nobody has to think of one. Pure. */

/** This name, or the next of it that is not taken: `sso`, `sso-2`, `sso-3`. */
export function freeName(name: string, taken: readonly string[]): string {
  const nth = (count: number): string => {
    const tried = count === 1 ? name : `${name}-${count}`;
    return taken.includes(tried) ? nth(count + 1) : tried;
  };
  return nth(1);
}

/** Words as a short name: small letters, digits and hyphens. */
export function shortName(words: string): string {
  const ascii = words.normalize('NFKD').replace(/[\u0300-\u036f]/g, '');
  return ascii
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
}
