/** Filters inside a path, such as `emails[type eq "work"]`: which elements of one attribute's few values are meant. Pure. */
import { type Attribute, findAttribute } from './attribute.ts';
import { type Attributes, conform, isObject } from './conform.ts';
import type { Filter, Literal, Operator } from './filter.ts';
import { scimFault } from './scim-fault.ts';

/** Whether an element of `attribute` is one that the filter means. */
export function matches(attribute: Attribute, filter: Filter, element: unknown): boolean {
  switch (filter.kind) {
    case 'and':
      return matches(attribute, filter.left, element) && matches(attribute, filter.right, element);
    case 'or':
      return matches(attribute, filter.left, element) || matches(attribute, filter.right, element);
    case 'not':
      return !matches(attribute, filter.filter, element);
    case 'present':
      return partOf(attribute, filter.path, element).value !== undefined;
    case 'compare': {
      const { sub, value } = partOf(attribute, filter.path, element);
      return holds(filter.operator, folded(sub, value), folded(sub, filter.value));
    }
    case 'element':
      throw scimFault('invalidPath', 'A path has one filter, not filters in a filter.', attribute.name);
  }
}

/**
 * The element that such a filter describes, where it says only what its parts are equal to.
 * @returns undefined where the filter describes more than one possible element
 */
export function describedElement(attribute: Attribute, filter: Filter): Attributes | undefined {
  if (filter.kind === 'and') {
    const left = describedElement(attribute, filter.left);
    const right = describedElement(attribute, filter.right);
    return left && right && { ...left, ...right };
  }
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.value === null) return undefined;
  const sub = subAttribute(attribute, filter.path);
  return { [sub.name]: conform(sub, filter.value, `${attribute.name}.${sub.name}`) };
}

/**
 * A sub-attribute by name.
 * @throws Fault with scimType `invalidPath` where there is none
 */
export function subAttribute(attribute: Attribute, name: string): Attribute {
  const sub = findAttribute(attribute.subAttributes, name);
  if (sub !== undefined) return sub;
  throw scimFault('invalidPath', `${attribute.name} has no "${name}".`, `${attribute.name}.${name}`);
}

function partOf(attribute: Attribute, name: string, element: unknown): { sub: Attribute; value: unknown } {
  const sub = subAttribute(attribute, name);
  return { sub, value: isObject(element) ? element[sub.name] : undefined };
}

function folded(sub: Attribute, value: unknown): Literal | undefined {
  if (sub.type === 'boolean' && typeof value === 'string') return value.toLowerCase() === 'true';
  if (typeof value === 'string') return sub.caseExact ? value : value.toLowerCase();
  return typeof value === 'boolean' || typeof value === 'number' || value === null ? value : undefined;
}

function holds(operator: Operator, left: Literal | undefined, right: Literal | undefined): boolean {
  if (operator === 'eq') return (left ?? null) === (right ?? null);
  if (operator === 'ne') return (left ?? null) !== (right ?? null);
  if (typeof left !== 'string' || typeof right !== 'string') return false;
  switch (operator) {
    case 'co':
      return left.includes(right);
    case 'sw':
      return left.startsWith(right);
    case 'ew':
      return left.endsWith(right);
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
  }
}
