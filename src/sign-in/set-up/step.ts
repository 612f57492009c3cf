/** What is to be done on a provider's own screens, one thing after the other. Pure. */

export interface Step {
  /** What to do; names that stand on those screens are between asterisks. */
  readonly text: string;
  /** What is copied there, by the provider's name for it; `{acsUrl}` and the like stand for our addresses. */
  readonly copy?: Readonly<Record<string, string>>;
}

export interface Copied {
  readonly label: string;
  readonly value: string;
}

export interface FilledStep {
  readonly text: string;
  readonly copy: readonly Copied[];
}

/** The steps with our addresses in their places. */
export function filledSteps(steps: readonly Step[], ours: Readonly<Record<string, string>>): FilledStep[] {
  const filled = (template: string) => template.replace(/\{(\w+)\}/g, (place, name: string) => ours[name] ?? place);
  return steps.map(({ text, copy = {} }) => ({
    text,
    copy: Object.entries(copy).map(([label, template]) => ({ label, value: filled(template) })),
  }));
}
