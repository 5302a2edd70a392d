/** The API for updates of the app; their state is in the section `app`. */
import { oc } from '@orpc/contract';
import { z } from 'zod';

const nothing = z.object({});

export const updatesContract = {
  /** Begins to look for an update and to download it. Fails with `unsupported` if no feed is configured. */
  check: oc.input(nothing).output(nothing),
  /**
   * Installs the downloaded package and starts the desktop app again, as soon as no job runs. Fails with `not-found` if
   * there is none, and with `unsupported` without the desktop app.
   */
  install: oc.input(nothing).output(nothing),
};
