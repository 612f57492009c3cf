/**
 * Decisions for the platform, by OpenID AuthZEN Authorization API 1.0: may this subject do this to that? Whatever is not known is a no
 * (offboarding, Decisions). The facts of hot questions are in memory; what they mean is decided anew each time, for time goes on.
 */
import { Fault } from '../errors.ts';
import type { Store } from '../store/database.ts';
import { Remembered } from '../store/remembered.ts';
import { inTenant, type Origin } from '../store/tenant.ts';
import { type Decision, decide, refuse } from './decide.ts';
import { decideKey, type KeyResource } from './decide-key.ts';
import { type KnownSubject, type Named, nameOf, readFacts } from './evaluation.sql.ts';
import type { EvaluationRequest } from './evaluation-request.ts';
import type { AccessModel } from './model.ts';
import type { Models } from './model-file.ts';
import { modelFrom } from './organization-model.ts';

/** A decision, and of a known subject what changes with its access. */
export interface Answer extends Decision {
  readonly epoch?: string;
}

/** A place that is known here, and the model that rules there. */
export interface KnownPlace {
  readonly model: AccessModel;
  readonly resource: KeyResource;
}

/** Who asks: an organization, and whoever calls. */
export interface Asker {
  readonly organizationId: string;
  readonly origin: Origin;
}

export interface Decisions {
  /**
   * Answers questions of one organization, in their order.
   * @throws Fault `invalid-model` where the organization's model is not there, `not-found` where the organization is not
   */
  evaluate(asker: Asker, asked: readonly EvaluationRequest[]): Promise<Answer[]>;
  /** What a search starts from; what is not known here is undefined. */
  known(asker: Asker, subject: Named | null, resource: Named): Promise<Known>;
}

export interface Known {
  readonly subject: KnownSubject | undefined;
  readonly place: KnownPlace | undefined;
}

/** Opens decisions over what this instance remembers. */
export function openDecisions(deps: {
  readonly store: Pick<Store, 'db' | 'changes'>;
  readonly models: Models;
}): Decisions {
  const { db, changes } = deps.store;
  const subjects = new Remembered<KnownSubject>(changes);
  const places = new Remembered<KnownPlace>(changes);

  /** Reads what is not in memory, all in one statement. */
  const learn = async ({ organizationId, origin }: Asker, asked: readonly Pair[]) => {
    const since = changes.now();
    const names = [asked.flatMap(({ subject }) => subject ?? []), asked.map(({ resource }) => resource)] as const;
    const read = await inTenant(db, organizationId, origin, (tx) => readFacts(tx, ...names), 'reader');
    if (read === undefined) throw new Fault('not-found', 'There is no such organization.');
    const model = modelFrom(deps.models, read.model);
    for (const [name, subject] of read.subjects)
      subjects.set(`${organizationId} ${name}`, organizationId, since, subject);
    const found = new Map<string, KnownPlace>();
    for (const [name, resource] of read.places) {
      found.set(name, { model, resource });
      places.set(`${organizationId} ${name}`, organizationId, since, { model, resource });
    }
    return { subjects: read.subjects, places: found };
  };

  const recall = async (asker: Asker, asked: readonly Pair[]): Promise<Known[]> => {
    const { organizationId } = asker;
    const recalled = asked.map(({ subject, resource }) => ({
      subject: subject === null ? undefined : subjects.get(`${organizationId} ${nameOf(subject)}`),
      place: places.get(`${organizationId} ${nameOf(resource)}`),
    }));
    const unknown = asked.filter(({ subject }, at) => {
      const found = recalled[at];
      return found?.place === undefined || (subject !== null && found.subject === undefined);
    });
    if (unknown.length === 0) return recalled;
    const learned = await learn(asker, unknown);
    return asked.map(({ subject, resource }, at) => ({
      subject: recalled[at]?.subject ?? (subject === null ? undefined : learned.subjects.get(nameOf(subject))),
      place: recalled[at]?.place ?? learned.places.get(nameOf(resource)),
    }));
  };

  return {
    evaluate: async (asker, asked) => {
      const known = await recall(asker, asked);
      const now = new Date();
      return asked.map((each, at) => answer(known[at], each, now));
    },
    known: async (asker, subject, resource) => {
      const [known] = await recall(asker, [{ subject, resource }]);
      return known ?? { subject: undefined, place: undefined };
    },
  };
}

interface Pair {
  readonly subject: Named | null;
  readonly resource: Named;
}

/** The answer by these facts. Pure. */
function answer(known: Known | undefined, asked: EvaluationRequest, now: Date): Answer {
  const { type, id } = asked.resource;
  const { subject, place } = known ?? {};
  if (place === undefined) return refuse('account', `There is no ${type} "${id}" here.`);
  if (subject === undefined) return refuse('account', UNKNOWN[asked.subject.type] ?? notASubject(asked.subject.type));
  return { ...decideFor(subject, place, asked.action.name, now), epoch: subject.epoch };
}

/** What a subject may do in a place. */
export function decideFor({ person, key }: KnownSubject, place: KnownPlace, action: string, now: Date): Decision {
  const { model, resource } = place;
  if (key !== null) return decideKey(model, key, person, action, resource, now);
  return person === null
    ? refuse('account', 'This person is not known here.')
    : decide(model, person, action, resource, now);
}

const UNKNOWN: Readonly<Record<string, string>> = {
  user: 'This person is not known here.',
  api_key: 'This API key is not known here.',
};

function notASubject(type: string): string {
  return `Subjects are of type "user" or "api_key", not "${type}".`;
}
