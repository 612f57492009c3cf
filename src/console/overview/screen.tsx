/** How it stands: what needs a person now, and what happened lately. */
import { Page } from '../parts/page.tsx';
import { text } from '../text/text.ts';

export default function OverviewScreen() {
  return <Page title={text.overview.title}>{null}</Page>;
}
