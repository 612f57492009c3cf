/** Providers elsewhere, where a leaver's tokens and accounts end: how, and how it went lately. */
import { Badge, Stack, Text } from '@mantine/core';
import { IconPlugConnectedX } from '@tabler/icons-react';
import type { Answer } from '../api/client.ts';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Moment } from '../parts/moment.tsx';
import { Section } from '../parts/section.tsx';
import { text } from '../text/text.ts';
import { ProviderForm } from './provider-form.tsx';
import { TabHead } from './tab-head.tsx';

const { providers: t } = text.integrations;
const PROVIDERS = 'get /api/v1/organizations/{organization}/oauth-providers';
export type Provider = Answer<typeof PROVIDERS>['oauthProviders'][number];

export function Providers() {
  const answer = useAnswer(PROVIDERS, {}, { every: 10_000 });
  const kinds = useAnswer('get /api/v1/organizations/{organization}/oauth-provider-kinds', {});
  return (
    <Stack>
      <TabHead lead={t.lead} action={kinds.data && <ProviderForm kinds={kinds.data.kinds} />} />
      <Answered of={answer}>
        {({ oauthProviders }) =>
          oauthProviders.length === 0 ? (
            <EmptyState icon={IconPlugConnectedX} title={t.empty} hint={t.emptyHint} />
          ) : (
            <Stack>
              {oauthProviders.map((provider) => (
                <Section
                  key={provider.id}
                  title={provider.slug}
                  actions={kinds.data && <ProviderForm kinds={kinds.data.kinds} provider={provider} />}
                >
                  <Going provider={provider} />
                </Section>
              ))}
            </Stack>
          )
        }
      </Answered>
    </Stack>
  );
}

function Going({ provider }: { readonly provider: Provider }) {
  const { revoker, endsTokens, endsPeople, lately } = provider;
  const { ended, underWay, failed, lastEndedAt, confirmed, lastError } = lately;
  return (
    <Stack gap="xs">
      <Text size="sm">
        {t.kinds[revoker]} · {[endsTokens && t.endsTokens, endsPeople && t.endsPeople].filter(Boolean).join(', ')}
      </Text>
      <Text size="sm" component="div">
        <Badge
          variant="light"
          color={failed > 0 ? 'red' : underWay > 0 ? 'orange' : ended > 0 ? 'teal' : 'gray'}
          mr="xs"
        >
          {failed > 0 ? t.failed(failed) : underWay > 0 ? t.underWay(underWay) : ended > 0 ? t.well : t.idle}
        </Badge>
        {ended === 0 ? (
          t.nothingEnded
        ) : (
          <>
            {t.ended(ended)} {t.last} <Moment at={lastEndedAt} />
            {confirmed === null ? '.' : confirmed ? `, ${t.confirmed}.` : `, ${t.unconfirmed}.`}
          </>
        )}
      </Text>
      {lastError !== null && (
        <Text size="sm">
          {t.lastError}: {lastError}
        </Text>
      )}
    </Stack>
  );
}
