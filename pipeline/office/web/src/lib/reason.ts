/** ReasonFault is the code of what is wrong with a reason; the office has the last word and knows the words that are none. */
export type ReasonFault = 'missing' | 'too_short' | 'too_long' | 'words' | 'letters';

/** checkReason says what is wrong with the form of a reason: 10 to 500 characters, two words, five different letters. */
export function checkReason(text: string): ReasonFault | undefined {
  const reason = text.trim();
  if (reason === '') return 'missing';
  const length = [...reason].length;
  if (length < 10) return 'too_short';
  if (length > 500) return 'too_long';
  if (reason.split(/\s+/).length < 2) return 'words';
  if (new Set(reason.toLowerCase().match(/\p{L}/gu) ?? []).size < 5) return 'letters';
  return undefined;
}
