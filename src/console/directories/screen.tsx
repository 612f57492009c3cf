/** Directories: where people and groups come from, pushed by SCIM or pulled on a schedule. */
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link, Route, Routes } from 'react-router';
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';
import { DirectoryList } from './directory-list.tsx';
import { DirectoryPage } from './directory-page.tsx';
import { NewDirectory } from './new-directory.tsx';

const { directories: t } = text;

export default function DirectoriesScreen() {
  return (
    <Routes>
      <Route
        index
        element={
          <Page
            title={t.title}
            lead={t.lead}
            actions={
              <Button component={Link} to="/directories/new" leftSection={<IconPlus size={18} />}>
                {t.add}
              </Button>
            }
          >
            <DirectoryList />
          </Page>
        }
      />
      <Route path="new" element={<NewDirectory />} />
      <Route path=":slug" element={<DirectoryPage />} />
    </Routes>
  );
}
