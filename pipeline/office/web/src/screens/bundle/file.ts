import type { Lang } from '../../lib/i18n';
import { writeNumber } from '../../lib/time';

/** saveFile hands bytes to the browser as a download. Nothing of them stays in the page. */
export function saveFile(bytes: Blob, name: string): void {
  const address = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser reads it after the click
}

/** writeSize writes a number of bytes: 847 B, 96 kB, 1,2 MB. */
export function writeSize(lang: Lang, bytes: number): string {
  if (bytes < 1_000) return `${writeNumber(lang, bytes)} B`;
  if (bytes < 1_000_000) return `${writeNumber(lang, Math.round(bytes / 1_000))} kB`;
  return `${writeNumber(lang, Math.round(bytes / 100_000) / 10)} MB`;
}
