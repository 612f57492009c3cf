/** The last day in bars, an hour each: sign-ins, and what was changed. */
import { Card, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import { useAnswer } from '../api/use-api.ts';
import { Answered } from '../parts/answered.tsx';
import { text } from '../text/text.ts';
import classes from './last-day.module.css';

const { overview: t } = text;

export function LastDay() {
  const answer = useAnswer('get /api/v1/organizations/{organization}/activity', {}, { every: 60_000 });
  return (
    <Answered of={answer} lines={3}>
      {({ hours }) => (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Chart title={t.signIns} hours={hours} of="signIns" />
          <Chart title={t.changes} hours={hours} of="changes" />
        </SimpleGrid>
      )}
    </Answered>
  );
}

interface Hour {
  readonly from: string;
  readonly signIns: number;
  readonly changes: number;
}

interface ChartProps {
  readonly title: string;
  readonly hours: readonly Hour[];
  readonly of: 'signIns' | 'changes';
}

function Chart({ title, hours, of }: ChartProps) {
  const most = Math.max(1, ...hours.map((hour) => hour[of]));
  const total = hours.reduce((sum, hour) => sum + hour[of], 0);
  return (
    <Card withBorder padding="lg" component="section" aria-label={title}>
      <Stack gap="xs">
        <Title order={2} size="h5">
          {title}
        </Title>
        <Text size="sm" c="dimmed">
          {t.inADay(total)}
        </Text>
        <svg
          viewBox={`0 0 ${hours.length * 10} 60`}
          className={classes['chart']}
          role="img"
          aria-label={t.chart(title, total)}
        >
          {hours.map((hour, at) => {
            const height = Math.max(hour[of] === 0 ? 1 : 3, (hour[of] / most) * 58);
            return (
              <rect key={hour.from} x={at * 10 + 1} y={60 - height} width={8} height={height} rx={1.5}>
                <title>{t.hour(new Date(hour.from).getHours(), hour[of])}</title>
              </rect>
            );
          })}
        </svg>
      </Stack>
    </Card>
  );
}
