/** The one page of a set-up, its steps from top to bottom. */
import type { Response } from 'express';
import type { Fault } from '../../errors.ts';
import { type Html, html, sendPage } from '../page.ts';
import type { CheckedResponse } from '../saml/check-response.ts';
import { connectionSection } from './connection-section.ts';
import { domainSection } from './domain-section.ts';
import { gallerySection } from './gallery-section.ts';
import type { Progress } from './progress.ts';
import { stepsSection } from './steps-section.ts';
import { enableSection, testSection } from './test-section.ts';

/** What the last step came to, where there is something to tell of it. */
export interface LastStep {
  /** Which step was refused, why, and what was typed into its form. */
  readonly refused?: { readonly step: string; readonly fault: Fault; readonly typed: Readonly<Record<string, string>> };
  readonly checked?: CheckedResponse;
}

/** Shows how far it has got. @param fromConsole whether whoever looks at it is signed in, and so likely comes from there */
export function showProgress(
  response: Response,
  baseUrl: string,
  progress: Progress,
  { refused, checked }: LastStep,
  fromConsole: boolean,
): void {
  const typedInto = (step: string) => (refused?.step === step ? refused.typed : {});
  const sections: readonly (readonly [step: string, Html])[] = [
    ['provider', gallerySection(progress)],
    ...(progress.provider === null
      ? []
      : ([
          ['values', stepsSection(progress)],
          ['connection', connectionSection(progress, typedInto('connection'))],
          ['domain', domainSection(progress, typedInto('domain'))],
        ] as const)),
    ...(progress.connection === null
      ? []
      : ([
          ['test', testSection(progress, checked)],
          ['enable', enableSection(progress)],
        ] as const)),
  ];
  const place = refused?.step === 'verify' ? 'domain' : refused?.step;
  const body = html`${fromConsole ? html`<p><a href="/console/connections">Back to the console</a></p>` : null}
<p>Connect your identity provider so that your people can sign in. Nothing changes for anybody before you turn it on.</p>
${sections.map(([step, section]) => html`${step === place ? trouble(refused?.fault) : null}${section}`)}
<script src="/set-up/page.js"></script>`;
  sendPage(
    response,
    baseUrl,
    refused?.fault.status ?? 200,
    `Sign-in for ${progress.organization}`,
    body,
    '/set-up/style.css',
  );
}

function trouble(fault: Fault | undefined): Html {
  return html`<p id="trouble" class="trouble" role="alert">${fault?.message} ${fault?.remedy}</p>`;
}
