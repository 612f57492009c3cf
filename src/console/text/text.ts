/** The texts of the language that is shown. Another language is a file of the same shape beside `en.ts`. */
export { en as text } from './en.ts';
