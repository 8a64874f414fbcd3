import { askPicture } from './ask';
import type { Problem } from './ask';

/** Picture is a picture of a case as it came, decoded or not. The element is ready to be shown once it is decoded. */
export interface LoadedPicture {
  image?: HTMLImageElement;
  problem?: Problem;
}

/**
 * loadPicture fetches a picture of a case and decodes it. It is fetched anew for every lease: the office counts what it served under it. The bytes
 * live in the element alone.
 */
export async function loadPicture(caseID: string, sha256: string): Promise<LoadedPicture> {
  const answer = await askPicture(`/v1/cases/${encodeURIComponent(caseID)}/pictures/${encodeURIComponent(sha256)}`);
  if (!answer.ok) return { problem: answer.problem };
  const image = new Image();
  image.src = answer.value;
  try {
    await image.decode();
    return { image };
  } catch {
    return { problem: { status: 0, code: 'picture_damaged', detail: '', requestID: '', until: '', fields: [] } };
  }
}
