/** The models as shipped, a world to ask about, and the expectation tables. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessModel, RoleRef } from '../../src/access/model.ts';
import { loadModels } from '../../src/access/model-file.ts';
import type { HeldMembership, Resource, Subject } from '../../src/access/subject.ts';
import type { ScopeKind } from '../../src/store/tables.ts';

export const NAMES = ['smart-ai-hub', 'atomyx', 'magone-ai', 'ai-security-gateway', 'fastn'];

export const NOW = new Date('2026-03-01T12:00:00Z');
export const YESTERDAY = new Date('2026-02-28T12:00:00Z');
export const TOMORROW = new Date('2026-03-02T12:00:00Z');

const models = loadModels('config/models');

/** A shipped model. */
export function shipped(name: string): AccessModel {
  const model = models.get(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

/** The organization, a workspace of it, and a product with an active subscription in that. */
export const HERE = {
  organizationId: 'org-1',
  workspaceId: 'ws-1',
  product: { id: 'prod-1', subscription: { status: 'active', endsAt: null } },
} as const satisfies Resource;
export const IN_WORKSPACE: Resource = { ...HERE, product: null };
export const IN_ORGANIZATION: Resource = { organizationId: 'org-1', workspaceId: null, product: null };

/** `role@scope` as a reference. */
export function ref(text: string): RoleRef {
  const [role = '', scopeKind = ''] = text.split('@');
  return { role, scopeKind: scopeKind as ScopeKind };
}

export function refs(...texts: string[]): RoleRef[] {
  return texts.map(ref);
}

/** A membership of the scope of that kind in HERE, or elsewhere where said. */
export function membership(text: string, other: Partial<HeldMembership> = {}): HeldMembership {
  const { role, scopeKind } = ref(text);
  const ids = { platform: 'org-1', organization: 'org-1', workspace: 'ws-1', product: 'prod-1' };
  const workspaceId = scopeKind === 'workspace' || scopeKind === 'product' ? 'ws-1' : null;
  return { scopeKind, scopeId: ids[scopeKind], workspaceId, role, expiresAt: null, ...other };
}

/** An active person with these roles in HERE. */
export function person(...held: Array<string | HeldMembership>): Subject {
  return { status: 'active', memberships: held.map((each) => (typeof each === 'string' ? membership(each) : each)) };
}

export type Table = Array<Record<string, string>>;

/** The tables of a Markdown file, each a list of rows by column name. */
export function tablesOf(file: string): Table[] {
  const text = readFileSync(join(import.meta.dirname, 'matrices', file), 'utf8');
  const blocks = text.split(/\n\s*\n/).filter((block) => block.trimStart().startsWith('|'));
  return blocks.map((block) => {
    const [header = [], , ...rows] = block.trim().split('\n').map(columnsOf);
    return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index] ?? ''])));
  });
}

export interface Cell {
  readonly permission: string;
  /** `role@scope` */
  readonly column: string;
  /** `yes` or `-` */
  readonly cell: string;
}

/** Every cell of a model's matrix. */
export function cellsOf(name: string): Cell[] {
  const tables = tablesOf(`${name}.md`).filter(([row]) => row !== undefined && 'permission' in row);
  return tables.flatMap((table) =>
    table.flatMap(({ permission = '', ...columns }) =>
      Object.entries(columns).map(([column, cell]) => ({ permission, column, cell })),
    ),
  );
}

const BESIDES: Record<string, string[]> = {
  'atomyx admin@product': ['member@workspace'],
  'atomyx editor@product': ['member@workspace'],
  'atomyx viewer@product': ['member@workspace'],
  'magone-ai org_member@organization': ['project_member@workspace'],
};

/** What a role needs beside it, by the rules below the matrices, for its own cells to be seen. */
export function besides(name: string, column: string): string[] {
  return BESIDES[`${name} ${column}`] ?? [];
}

function columnsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
