/** Access reviews: does everybody still need what they have? Asked of those who answer for it, until a day, with evidence. */
import { Route, Routes } from 'react-router';
import { ReviewList } from './review-list.tsx';
import { ReviewPage } from './review-page.tsx';

export default function ReviewsScreen() {
  return (
    <Routes>
      <Route index element={<ReviewList />} />
      <Route path=":id" element={<ReviewPage />} />
    </Routes>
  );
}
