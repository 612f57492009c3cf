/** Mapping: which groups and attributes give which roles where. Every change shows its plan before it counts. */
import { Button, Grid } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link, Route, Routes } from 'react-router';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';
import { Groups } from './groups.tsx';
import { RuleEditor } from './rule-editor.tsx';
import { RuleList } from './rule-list.tsx';

const { mapping: t } = text;

export default function MappingScreen() {
  return (
    <Routes>
      <Route index element={<Overview />} />
      <Route path="new" element={<RuleEditor />} />
      <Route path=":slug" element={<RuleEditor />} />
    </Routes>
  );
}

function Overview() {
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <Button component={Link} to="/mapping/new" leftSection={<IconPlus size={18} />}>
          {t.add}
        </Button>
      }
    >
      <Grid gap="xl">
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Groups />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <RuleList />
        </Grid.Col>
      </Grid>
    </Page>
  );
}
