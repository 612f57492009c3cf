/** People: everybody who has, or had, access. */
import { Route, Routes } from 'react-router';
import { PeopleList } from './people-list.tsx';
import { PersonPage } from './person-page.tsx';

export default function PeopleScreen() {
  return (
    <Routes>
      <Route index element={<PeopleList />} />
      <Route path=":id" element={<PersonPage />} />
    </Routes>
  );
}
