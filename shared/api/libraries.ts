/** The API for libraries for GPUs that aren't part of the packages; their state is in the section `machine`. */
import { oc } from '@orpc/contract';
import { z } from 'zod';

const nothing = z.object({});

export const librariesContract = {
  /** Begins the download, or resumes it; the page has named its size. Fails with `unsupported` if there is none here. */
  download: oc.input(nothing).output(nothing),
  /** Stops the download; the received part stays for the next try. */
  cancel: oc.input(nothing).output(nothing),
  remove: oc.input(nothing).output(nothing),
};
